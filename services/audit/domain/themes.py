"""Themes: which finished work belongs to which question, as rules that a programme's file states."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from enum import StrEnum
from functools import cached_property

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

    def fits(self, kind: str, team_kind: str | None) -> bool:
        """Whether it is about such work by such a team."""
        return (not self.kind or kind in self.kind) and (not self.team_kind or team_kind in self.team_kind)

    def holds(self, case: AssessmentRecorded, team_kind: str | None) -> bool:
        """Whether this case meets all that is stated."""
        return self.fits(case.kind, team_kind) and all(check(case) for check in self.checks)

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """What it states beyond the kinds of work and of team, each as a question to a case."""
        return tuple(self._stated())

    def _stated(self) -> Iterator[Check]:
        # Only what is stated is asked: each case is put to every condition of its kind
        factors, others, categories = self.factors, self.other_factors, self.category_of_abuse
        enquiries, referrals, longest = self.earlier_enquiries, self.earlier_referrals, self.longer_than_working_days
        ended, held = self.no_further_action, self.conference_held
        if factors:
            yield lambda case: not factors.isdisjoint(case.factors)
        if others:
            yield lambda case: len(set(case.factors)) > others
        if categories:
            yield lambda case: case.category_of_abuse in categories
        if enquiries:
            yield lambda case: case.earlier_enquiries >= enquiries
        if referrals:
            yield lambda case: case.earlier_referrals >= referrals
        if ended is not None:
            yield lambda case: case.no_further_action == ended
        if held is not None:
            yield lambda case: (case.conference_on is not None) == held
        if longest is not None:
            yield lambda case: (case.working_days or 0) > longest


Check = Callable[[AssessmentRecorded], bool]


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
