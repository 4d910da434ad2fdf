"""Themes: which finished work belongs to which question, as rules that a programme's file states."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.events import AssessmentRecorded


class Strict(BaseModel):
    """A part of a programme's file: frozen, and a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Condition(Strict):
    """One way to be eligible: everything that it states must hold.

    `factors` is any one of the codes of the Children in Need census; `other_factors` how many more must be there.
    """

    kind: frozenset[str] = frozenset()
    team_kind: frozenset[str] = frozenset()
    factors: frozenset[str] = frozenset()
    other_factors: int = Field(default=0, ge=0, le=20)
    category_of_abuse: frozenset[str] = frozenset()
    earlier_enquiries: int = Field(default=0, ge=0, le=20)
    earlier_referrals: int = Field(default=0, ge=0, le=50)
    no_further_action: bool | None = None
    conference_held: bool | None = None
    longer_than_working_days: int | None = Field(default=None, ge=0, le=400)

    @model_validator(mode="after")
    def _states_something(self) -> Condition:
        if not self.model_fields_set:
            raise ValueError("states nothing, so everything would be eligible")
        if self.other_factors and not self.factors:
            raise ValueError("other_factors counts the factors beside those listed in factors, and none is listed")
        return self

    def holds(self, case: AssessmentRecorded, team_kind: str | None) -> bool:
        """Whether this case meets all that is stated."""
        return (
            (not self.kind or case.kind in self.kind)
            and (not self.team_kind or team_kind in self.team_kind)
            and (not self.factors or self._factors_hold(case))
            and (not self.category_of_abuse or case.category_of_abuse in self.category_of_abuse)
            and case.earlier_enquiries >= self.earlier_enquiries
            and case.earlier_referrals >= self.earlier_referrals
            and self.no_further_action in (None, case.no_further_action)
            and self.conference_held in (None, case.conference_on is not None)
            and (self.longer_than_working_days is None or (case.working_days or 0) > self.longer_than_working_days)
        )

    def _factors_hold(self, case: AssessmentRecorded) -> bool:
        named = self.factors.intersection(case.factors)
        return bool(named) and len(set(case.factors)) > self.other_factors


class Ineligible(StrEnum):
    """Why a case is not a candidate of a programme at all."""

    NO_PROGRAMME = "no_programme"
    UNDECIDED = "undecided"
    TOO_OLD = "too_old"
    NO_THEME = "no_theme"
    AUDITED = "audited"
    WITHDRAWN = "withdrawn"


def is_near_live(authorised_on: date, day: date, near_live_days: int | None) -> bool:
    """Whether the work was finished within the window before `day`, in calendar days; no window takes everything."""
    return near_live_days is None or (day - authorised_on).days <= near_live_days
