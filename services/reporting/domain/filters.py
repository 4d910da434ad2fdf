"""What a view of the figures is narrowed to: programme, theme, team, days. It lives in the address."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from shared.clock import LONDON

FIRST_DAY = date(2000, 1, 1)
LAST_DAY = date(2100, 1, 1)

Code = Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")]
"""An id as another system writes it. PostgreSQL takes every character but NUL."""

Day = Annotated[date, Field(ge=FIRST_DAY, le=LAST_DAY)]
"""A day that can be reckoned with, before and after it."""


class Filters(BaseModel):
    """Blank means everything. `since` and `until` are both inclusive, on London's dates."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    programme: UUID | None = None
    theme: Code | None = None
    team: Code | None = None
    since: Day | None = None
    until: Day | None = None

    @field_validator("*", mode="before")
    @classmethod
    def blank_is_none(cls, value: object) -> object:
        """A form sends every field, the blank ones too."""
        return None if value == "" else value

    @property
    def starts_at(self) -> datetime | None:
        """The first instant that counts."""
        return None if self.since is None else datetime.combine(self.since, time(), LONDON)

    @property
    def ends_before(self) -> datetime | None:
        """The first instant that counts no more."""
        return None if self.until is None else datetime.combine(self.until + timedelta(days=1), time(), LONDON)

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the programme is chosen."""
        return any((self.theme, self.team, self.since, self.until))

    def query(self, **more: object) -> str:
        """The query string of an address with these filters, blank ones left out."""
        chosen = self.model_dump(mode="json") | more
        return urlencode({name: str(value) for name, value in chosen.items() if value not in (None, "")})
