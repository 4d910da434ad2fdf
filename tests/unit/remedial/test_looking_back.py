"""Did it hold, is it a pattern, who has a second look: the rules."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.remedial.domain.hold import WINDOWS, came_back_after, held_by
from services.remedial.domain.patterns import is_pattern, since
from services.remedial.domain.second_look import SHARE, is_drawn
from shared.working_days import working_days_between

CLOSED = date(2026, 11, 24)


def on(days: int) -> date:
    return CLOSED + timedelta(days=days)


def test_what_began_after_the_closing_and_within_ninety_days_came_back() -> None:
    assert [came_back_after(CLOSED, on(days)) for days in (-1, 0, 1, 30, 90, 91)] == [None, None, 1, 30, 90, None]


def test_each_window_is_spoken_of_once_when_it_is_over() -> None:
    assert held_by(on(30), CLOSED, 0) == []
    assert held_by(on(31), CLOSED, 0) == [30]
    assert held_by(on(31), CLOSED, 30) == []
    assert held_by(on(91), CLOSED, 30) == [90]
    assert held_by(on(200), CLOSED, 0) == list(WINDOWS)


@given(st.integers(1, 90))
def test_whatever_comes_back_does_so_before_the_longest_window_is_spoken_of(days: int) -> None:
    assert came_back_after(CLOSED, on(days)) == days
    assert 90 not in held_by(on(days), CLOSED, 0)


def test_ten_working_days_end_on_the_day_itself() -> None:
    first = since(CLOSED)
    assert first == date(2026, 11, 11)
    assert working_days_between(first, CLOSED) == 9


def test_a_pattern_is_three_times_and_said_once() -> None:
    assert [is_pattern(times, detected_before=False) for times in (2, 3, 4)] == [False, True, True]
    assert not is_pattern(3, detected_before=True)


def test_a_tenth_of_verifications_is_drawn() -> None:
    assert SHARE == 0.1
    assert [is_drawn(chance) for chance in (0.0, 0.0999, 0.1, 1.0)] == [True, True, False, False]
