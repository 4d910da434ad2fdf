"""Who is told when a child may be unsafe, and who never is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.audit.domain.concerns import acknowledge_by, chain

WHOLE = chain(["manager-1"], ["head-1"], ["director"], ["qa-1"])


def test_the_teams_managers_and_qa_are_told_at_once_and_the_others_step_by_step() -> None:
    assert WHOLE.told_at(0, ()) == ("manager-1", "qa-1")
    assert WHOLE.told_at(1, ()) == ("manager-1", "qa-1", "head-1")
    assert WHOLE.told_at(2, ()) == ("manager-1", "qa-1", "head-1", "director")
    assert WHOLE.ends_at(()) == 2


def test_nobody_implicated_is_ever_told() -> None:
    assert WHOLE.told_at(2, ("manager-1", "head-1")) == ("qa-1", "director")


def test_a_step_whose_people_are_all_implicated_does_not_cost_an_hour() -> None:
    assert WHOLE.told_at(0, ("manager-1", "qa-1")) == ("head-1",)
    assert chain([], [], ["director"], []).told_at(0, ()) == ("director",)


def test_when_everybody_is_implicated_nobody_is_told_and_the_page_says_to_telephone() -> None:
    assert WHOLE.told_at(0, ("manager-1", "qa-1", "head-1", "director")) == ()


def test_the_timer_runs_at_night_and_at_weekends() -> None:
    saturday_night = datetime(2026, 11, 28, 23, 30, tzinfo=UTC)
    assert acknowledge_by(saturday_night) == saturday_night + timedelta(hours=1)
