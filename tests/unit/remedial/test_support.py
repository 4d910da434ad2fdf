"""Support sessions: counting them, and who reads what was said."""

from datetime import date

from services.remedial.domain.support import (
    Meeting,
    meetings_by_manager_and_week,
    not_yet_offered,
    reads_reflections,
    week_of,
)

MONDAY = date(2026, 11, 23)


def test_a_week_is_named_by_its_monday() -> None:
    assert [week_of(date(2026, 11, day)) for day in (22, 23, 29)] == [date(2026, 11, 16), MONDAY, MONDAY]


def test_meetings_count_for_each_manager_who_was_there_in_each_week() -> None:
    meetings = [Meeting(MONDAY, ("a", "b")), Meeting(date(2026, 11, 25), ("a",)), Meeting(date(2026, 12, 1), ("a",))]
    counted = meetings_by_manager_and_week(meetings)
    assert counted == {("a", MONDAY): 2, ("b", MONDAY): 1, ("a", date(2026, 11, 30)): 1}


def test_whoever_stands_in_no_session_was_not_offered_one() -> None:
    assert not_yet_offered(["b", "a", "c"], [["a"], ["x"]]) == ["b", "c"]


def test_what_was_said_is_for_those_who_were_there_unless_it_is_shared() -> None:
    for person in ("leader", "guest"):
        assert reads_reflections(person, "leader", ["guest"], shared=False)
    assert not reads_reflections("other", "leader", ["guest"], shared=False)
    assert reads_reflections("other", "leader", ["guest"], shared=True)
