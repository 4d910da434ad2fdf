"""Leave: who is away on a day, and what cannot be recorded."""

from datetime import date

import pytest

from services.remedial.domain.leave import Away, away_until, why_not

TODAY = date(2026, 11, 24)


def test_both_ends_of_a_leave_belong_to_it_and_overlapping_leave_ends_with_the_last() -> None:
    week, longer = Away(date(2026, 11, 23), date(2026, 11, 27)), Away(date(2026, 11, 27), date(2026, 12, 4))
    days = [date(2026, 11, day) for day in (22, 23, 27, 28)]
    assert [away_until(day, [week]) for day in days] == [None, week.last_on, week.last_on, None]
    assert away_until(date(2026, 11, 27), [week, longer]) == longer.last_on


@pytest.mark.parametrize(
    ("first", "last", "why"),
    [
        (date(2026, 12, 2), date(2026, 12, 1), "before the first"),
        (date(2026, 11, 2), date(2026, 11, 23), "over already"),
        (date(2026, 11, 24), date(2028, 11, 24), "longer than a year"),
    ],
)
def test_leave_that_makes_no_sense_is_refused_with_the_reason(first: date, last: date, why: str) -> None:
    assert why in (why_not(Away(first, last), TODAY) or "")


def test_leave_that_has_begun_and_is_not_over_may_be_recorded() -> None:
    assert why_not(Away(date(2026, 11, 20), TODAY), TODAY) is None
