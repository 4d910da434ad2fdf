"""How figures move from week to week: XmR charts, which say when a change is more than chance.

A week runs from Monday to Sunday, London's. A rate of a week with fewer than ten is a gap, not a point. Limits are
those of NHS Making Data Count, provisional below twelve points; nobody's target is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from services.reporting.domain.facts import Facts, Rag
from services.reporting.domain.figures import RATE_FROM
from shared.clock import LONDON
from shared.statistics import ControlLimits, SpecialCause, control_limits, special_causes, spread
from shared.working_days import local_date

WEEK = timedelta(days=7)


def week_start(day: date) -> date:
    """The Monday of that day's week."""
    return day - timedelta(days=day.weekday())


def midnight(day: date) -> datetime:
    """The first instant of a day in London."""
    return datetime.combine(day, time(), LONDON)


@dataclass(frozen=True)
class Point:
    """One week's value, None where there is none to give, and how many it stands on."""

    monday: date
    value: float | None
    of: int


@dataclass(frozen=True)
class Trend:
    """One measure over the weeks, with its limits and what in it is more than chance."""

    code: str
    name: str
    unit: str
    says: str
    points: Sequence[Point]
    limits: ControlLimits | None
    causes: Sequence[SpecialCause]

    @property
    def unusual(self) -> set[int]:
        """The places, among all the points, of those that make a special cause."""
        places = [at for at, point in enumerate(self.points) if point.value is not None]
        return {places[at] for cause in self.causes for at in cause.points}

    @property
    def words(self) -> list[str]:
        """What the rules found, in sentences."""
        held = [point for point in self.points if point.value is not None]
        return [_in_words(cause, held) for cause in self.causes]


Dated = Iterable[tuple[date, float]]


def trends(facts: Facts, first: date) -> list[Trend]:
    """Every trend from the week of `first` to the last week that is over at the facts' instant."""
    mondays = _mondays(week_start(first), week_start(local_date(facts.at)))
    completed = [
        (local_date(audit.completed_at), audit) for audit in facts.audits if audit.completed and audit.completed_at
    ]
    ages = [(day, float(age)) for day, audit in completed if (age := audit.audited_after_days) is not None]
    ratings = [(day, float(audit.rag == Rag.RED)) for day, audit in completed]
    closed = [
        (local_date(action.verified_at), float(bool(action.in_time)))
        for action in facts.actions
        if action.verified_at is not None
    ]
    return [
        _trend("audits", "Audits completed", "audits", "Audits completed in the week.", mondays, ratings, _number),
        _trend(
            "age",
            "From authorisation to audit",
            "days",
            "Median calendar days, of the week's audits.",
            mondays,
            ages,
            _middle,
        ),
        _trend(
            "red",
            "Share of audits rated red",
            "%",
            "Of the week's audits; weeks with fewer than ten are left out.",
            mondays,
            ratings,
            _rate,
        ),
        _trend(
            "in_time",
            "Actions done by the first due date",
            "%",
            "Of the actions verified in the week, reported done by then; weeks with fewer than ten are left out.",
            mondays,
            closed,
            _rate,
        ),
    ]


def _mondays(first: date, end: date) -> list[date]:
    return [first + WEEK * number for number in range(max(0, (end - first).days // 7))]


def _trend(
    code: str,
    name: str,
    unit: str,
    says: str,
    mondays: Sequence[date],
    dated: Dated,
    measure: Callable[[list[float]], float | None],
) -> Trend:
    weeks: dict[date, list[float]] = {monday: [] for monday in mondays}
    for day, value in dated:
        if (monday := week_start(day)) in weeks:
            weeks[monday].append(value)
    points = [Point(monday, measure(values), len(values)) for monday, values in weeks.items()]
    held = [point.value for point in points if point.value is not None]
    limits = control_limits(held)
    return Trend(code, name, unit, says, points, limits, special_causes(held, limits) if limits else [])


def _number(values: list[float]) -> float:
    return float(len(values))


def _middle(values: list[float]) -> float | None:
    known = spread(values)
    return None if known is None else known.median


def _rate(values: list[float]) -> float | None:
    return None if len(values) < RATE_FROM else round(100 * sum(values) / len(values), 1)


def _in_words(cause: SpecialCause, points: Sequence[Point]) -> str:
    first, last = (f"{points[at].monday.day} {points[at].monday:%B}" for at in (cause.points[0], cause.points[-1]))
    match cause.rule:
        case "outside":
            return f"The week of {first} lies outside the limits."
        case "run":
            return f"From {first} to {last}, {len(cause.points)} weeks in a row lie on one side of the mean."
        case "trend":
            return f"From {first} to {last}, {len(cause.points)} weeks in a row move the same way."
        case _:
            return f"Between {first} and {last}, two of three weeks lie near one limit."
