"""A thematic audit programme: what its file may say, and what makes it consistent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import cached_property
from typing import Annotated, Literal, Self
from uuid import UUID, uuid5

from pydantic import Field, StringConstraints, model_validator

from services.audit.domain.sampling import weeks_between
from services.audit.domain.themes import Check, Condition, Strict
from shared.events import AssessmentRecorded

NAMESPACE = UUID("5f6d2c3e-0f5b-5b7e-9c1c-3b8f0c7a4d21")

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=64)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Guidance = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]


class Step(Strict):
    """One step of the rating scale, best first in the file. `rag` is its place on red, amber, green."""

    code: Slug
    name: Words
    rag: Literal["green", "amber", "red"]
    means: Guidance = ""


class Question(Strict):
    """One question of the audit tool, with guidance on what Good looks like."""

    question: Slug
    ask: Words
    good: Guidance = ""


class Section(Strict):
    """One section of the audit tool: it is graded and holds evidence and analysis.

    A `decisive` section graded red makes the suggested overall grade red.
    """

    section: Slug
    name: Words
    guidance: Guidance = ""
    decisive: bool = False
    questions: tuple[Question, ...] = Field(min_length=1, max_length=30)


class Tool(Strict):
    """What an auditor fills in."""

    sections: tuple[Section, ...] = Field(min_length=1, max_length=20)


class ThemePlan(Strict):
    """A theme, its target and what is eligible: any one of the conditions suffices.

    `expected_a_week` is the programme's own estimate of arrivals, used until there is a week to learn from.
    `exclude_audited: false` keeps children whose work was audited within the exclusion period, as a theme about repeat
    work must.
    """

    theme: Slug
    name: Words
    target: int = Field(ge=1, le=10_000)
    expected_a_week: float = Field(gt=0, le=10_000)
    eligible: tuple[Condition, ...] = Field(min_length=1, max_length=20)
    exclude_audited: bool = True

    def asks(self, kind: str, team_kind: str | None) -> tuple[tuple[Check, ...], ...]:
        """For each condition that such work by such a team may meet, what a case must answer besides."""
        return tuple(condition.checks for condition in self.eligible if condition.fits(kind, team_kind))

    def about(self) -> frozenset[str]:
        """The kinds of work it may take; empty when a condition leaves that open."""
        kinds = [condition.kind for condition in self.eligible]
        return frozenset().union(*kinds) if all(kinds) else frozenset()


class Conflicts(Strict):
    """Teams and people whose work an auditor must not judge."""

    teams: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()


class Leave(Strict):
    """Days away, both included. In the file: `from` and `to`."""

    since: date = Field(alias="from")
    until: date = Field(alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until < self.since:
            raise ValueError("ends before it begins")
        return self


class Auditor(Strict):
    """An auditor of the programme and the time they have for it."""

    person: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    hours_a_week: float = Field(gt=0, le=60)
    conflicts: Conflicts = Conflicts()
    leave: tuple[Leave, ...] = ()


def is_away(auditor: Auditor, day: date) -> bool:
    """Whether the auditor is on leave that day."""
    return any(leave.since <= day <= leave.until for leave in auditor.leave)


class OtherHours(Strict):
    """Hours a week that each auditor spends on other work of the programme."""

    moderation: float = Field(default=0, ge=0, le=40)
    verification: float = Field(default=0, ge=0, le=40)
    meetings: float = Field(default=0, ge=0, le=40)

    @property
    def total(self) -> float:
        """All of it together."""
        return self.moderation + self.verification + self.meetings


class Remedial(Strict):
    """How long an owner has for a remedial action, in working days of England and Wales."""

    working_days: int = Field(default=5, ge=1, le=60)
    red_working_days: int | None = Field(default=None, ge=1, le=60)


class Programme(Strict):
    """A programme as its file states it. Its id follows from its council and its name and outlives its versions."""

    programme: Slug
    version: int = Field(default=1, ge=1)
    reason: Words | None = None
    name: Words
    council: Annotated[str, StringConstraints(pattern=r"^\d{3}$")]
    opens_on: date
    weeks: int = Field(ge=1, le=156)
    near_live_days: int | None = Field(default=7, ge=0, le=400)
    pass_targets: bool = False
    exclude_audited_months: int = Field(default=12, ge=0, le=60)
    audit_working_days: int = Field(default=5, ge=1, le=60)
    accuracy_working_days: int = Field(default=2, ge=0, le=20)
    hours_an_audit: float = Field(default=3.0, gt=0, le=40)
    other_hours: OtherHours = OtherHours()
    source: Literal["events", "frame"] = "events"
    needs: tuple[Slug, ...] = ()
    remedial: Remedial = Remedial()
    scale: tuple[Step, ...] = Field(min_length=2, max_length=6)
    domains: tuple[Words, ...] = Field(min_length=1, max_length=30)
    themes: tuple[ThemePlan, ...] = Field(min_length=1, max_length=20)
    auditors: tuple[Auditor, ...] = Field(min_length=1, max_length=100)
    tool: Tool

    @property
    def programme_id(self) -> UUID:
        """Stable across versions."""
        return uuid5(NAMESPACE, f"{self.council}/{self.programme}")

    @property
    def closes_on(self) -> date:
        """The last day of the programme, included."""
        return self.opens_on + timedelta(weeks=self.weeks, days=-1)

    @property
    def target(self) -> int:
        """How many audits the programme wants in all."""
        return sum(theme.target for theme in self.themes)

    def theme(self, theme_id: str) -> ThemePlan:
        """The theme of that id."""
        return next(theme for theme in self.themes if theme.theme == theme_id)

    def taking(self, case: AssessmentRecorded, team_kind: str | None) -> list[ThemePlan]:
        """The themes for which the case is eligible by its own facts."""
        asked = self._asked.get((case.kind, team_kind))
        if asked is None:
            if len(self._asked) >= KINDS_KEPT:
                self._asked.clear()
            asked = self._asked[case.kind, team_kind] = self._ask(case.kind, team_kind)
        return [theme for theme, conditions in asked if _meets_one(case, conditions)]

    @cached_property
    def _asked(self) -> dict[tuple[str, str | None], Asked]:
        return {}

    def _ask(self, kind: str, team_kind: str | None) -> Asked:
        asked = ((theme, theme.asks(kind, team_kind)) for theme in self.themes)
        return tuple((theme, conditions) for theme, conditions in asked if conditions)

    def step(self, code: str) -> Step | None:
        """The step of the scale with that code."""
        return next((step for step in self.scale if step.code == code), None)

    def auditor(self, person: str) -> Auditor | None:
        """The auditor with that id, if the programme has them."""
        return next((auditor for auditor in self.auditors if auditor.person == person), None)


KINDS_KEPT = 1000
"""Kinds of work are the senders' words: there is no end to what they may say."""

Asked = tuple[tuple[ThemePlan, tuple[tuple[Check, ...], ...]], ...]


def _meets_one(case: AssessmentRecorded, conditions: tuple[tuple[Check, ...], ...]) -> bool:
    """Whether one of the conditions has all its checks answered with yes; one without checks is met by its kind."""
    for checks in conditions:
        for check in checks:
            if not check(case):
                break
        else:
            return True
    return False


Place = tuple[str | int, ...]


def audit_id(programme_id: UUID, assessment_id: UUID, round_: int = 1) -> UUID:
    """An audit's identity: the programme, the assessment and how often it has been looked at."""
    return uuid5(programme_id, f"{assessment_id}/{round_}")


def family_unit(family_key: str, authorised_on: date) -> UUID:
    """What a family's assessments of one day are drawn as: one unit with one priority."""
    return uuid5(NAMESPACE, f"family/{family_key}/{authorised_on.isoformat()}")


def inconsistencies(programme: Programme, today: date) -> Iterator[tuple[Place, str]]:
    """What no single field can show: a place in the file, and what is wrong there and what to do."""
    yield from _twice(("themes",), "theme", [theme.theme for theme in programme.themes])
    yield from _twice(("auditors",), "person", [auditor.person for auditor in programme.auditors])
    yield from _twice(("scale",), "code", [step.code for step in programme.scale])
    yield from _twice(("tool", "sections"), "section", [section.section for section in programme.tool.sections])
    for at, section in enumerate(programme.tool.sections):
        asked = [question.question for question in section.questions]
        yield from _twice(("tool", "sections", at, "questions"), "question", asked)
    for at, theme in enumerate(programme.themes):
        for before, other in enumerate(programme.themes[:at]):
            if theme.eligible == other.eligible:
                yield ("themes", at, "eligible"), f"the same rules as theme {before + 1}: put the two together"
        supply = theme.expected_a_week * weeks_between(programme.opens_on, programme.closes_on)
        if theme.target > supply:
            yield (
                ("themes", at, "target"),
                f"{theme.target} audits from about {supply:.0f} expected cases: lower the target, lengthen the "
                "programme or widen the rules",
            )
    if {step.rag for step in programme.scale} < {"green", "red"}:
        yield ("scale",), "has no step that maps to green, or none that maps to red"
    if programme.closes_on < today:
        yield ("opens_on",), f"the programme would have ended on {programme.closes_on.isoformat()}: choose a later day"
    yield from _hours(programme)


def _twice(place: Place, key: str, names: Sequence[str]) -> Iterator[tuple[Place, str]]:
    seen: set[str] = set()
    for at, name in enumerate(names):
        if name in seen:
            yield (*place, at, key), f"{name} is there twice"
        seen.add(name)


def hours_available(programme: Programme) -> float:
    """The auditors' hours for audits over the whole programme, leave taken off by the day (five days a week)."""
    return sum(
        max(0.0, auditor.hours_a_week - programme.other_hours.total)
        * (programme.weeks - _working_days_away(auditor, programme) / 5)
        for auditor in programme.auditors
    )


def _working_days_away(auditor: Auditor, programme: Programme) -> int:
    days = range((programme.closes_on - programme.opens_on).days + 1)
    period = (programme.opens_on + timedelta(days=day) for day in days)
    return sum(day.weekday() < 5 and is_away(auditor, day) for day in period)


def _hours(programme: Programme) -> Iterator[tuple[Place, str]]:
    needed = programme.target * programme.hours_an_audit
    available = hours_available(programme)
    if needed > available:
        yield (
            ("auditors",),
            f"{programme.target} audits of {programme.hours_an_audit:g} hours need {needed:.0f} hours and the auditors "
            f"have {available:.0f}: add hours or an auditor, or lower the targets",
        )
