"""Weeks as points, and the past as it stood."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from msgspec import structs

from services.reporting.domain.facts import Facts, rewound
from services.reporting.domain.figures import compute
from services.reporting.domain.trends import Trend, trends, week_start
from shared.events import Event
from tests.unit.reporting.histories import MORNING, a_closed_loop, an_action, an_audit, facts_of

MONDAY = date(2026, 11, 2)


def moved(events: list[Event], weeks: int) -> list[Event]:
    return [structs.replace(event, occurred_at=event.occurred_at + timedelta(weeks=weeks)) for event in events]


def seen(events: list[Event], at: datetime) -> dict[str, Trend]:
    return {trend.code: trend for trend in trends(facts_of(events, at), MONDAY)}


def test_a_week_is_a_point_once_it_is_over() -> None:
    events = [event for number in range(3) for event in an_audit(number)]
    sunday = datetime(2026, 11, 8, 23, 30, tzinfo=UTC)
    assert seen(events, sunday)["audits"].points == []
    (point,) = seen(events, sunday + timedelta(hours=1))["audits"].points
    assert (point.monday, point.value, point.of) == (MONDAY, 3, 3)


def test_a_week_without_audits_counts_nought_and_has_no_age() -> None:
    trend = seen([*an_audit(1), *moved(an_audit(2), 2)], MORNING + timedelta(weeks=3))
    assert [point.value for point in trend["audits"].points] == [1, 0, 1]
    assert [point.value for point in trend["age"].points] == [4, None, 18]


def test_a_rate_of_fewer_than_ten_is_a_gap() -> None:
    nine = [event for number in range(9) for event in an_audit(number, rag="red")]
    ten = moved([event for number in range(10, 20) for event in an_audit(number, rag="red")], 1)
    trend = seen([*nine, *ten], MORNING + timedelta(weeks=2))["red"]
    assert [point.value for point in trend.points] == [None, 100]


def test_a_week_outside_the_limits_is_named() -> None:
    events = [event for week in range(14) for event in moved(an_audit(week), week)]
    events += [event for number in range(50, 62) for event in moved(an_audit(number), 9)]
    trend = seen(events, MORNING + timedelta(weeks=14))["audits"]
    assert 9 in trend.unusual
    assert trend.words[0] == "The week of 4 January lies outside the limits."
    assert trend.limits is not None
    assert not trend.limits.provisional


def test_the_past_is_told_as_it_stood() -> None:
    events = [*an_audit(1), *an_action(1), a_closed_loop(1)]
    now = facts_of(events, MORNING + timedelta(days=30))

    def at(days: float) -> dict[str, float | None]:
        facts: Facts = rewound(now, MORNING + timedelta(days=days))
        return {code: figure.value for code, figure in compute(facts).items()}

    assert (at(0.5)["audits_completed"], at(0.5)["audits_waiting"], at(0.5)["actions_raised"]) == (0, 1, 0)
    assert (at(4)["audits_completed"], at(4)["actions_open"], at(4)["actions_verified"]) == (1, 1, 0)
    assert (at(5.5)["actions_reported"], at(5.5)["loops_closed"]) == (1, 0)
    assert (at(7)["actions_verified"], at(7)["loops_closed"]) == (1, 1)


def test_every_day_belongs_to_the_monday_before_it() -> None:
    assert {week_start(MONDAY + timedelta(days=day)) for day in range(7)} == {MONDAY}
