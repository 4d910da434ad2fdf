"""When an action is due: working days, London's time, and what an extension may ask."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from govuk_bank_holidays.bank_holidays import BankHolidays
from hypothesis import given
from hypothesis import strategies as st

from services.remedial.domain.deadlines import (
    Allowance,
    Rule,
    allowance,
    deadline,
    extended,
    in_time,
    working_days_late,
)
from services.remedial.domain.refusal import Refused
from shared.clock import LONDON
from shared.working_days import is_working_day, local_date, working_days_between

FIRST = datetime(2019, 1, 1, tzinfo=UTC)
FIVE = Allowance(5, Rule.PROGRAMME)


def due(raised_at: datetime) -> date:
    return deadline(raised_at, FIVE).on


def test_five_working_days_from_a_tuesday_end_on_the_next_tuesday() -> None:
    assert due(datetime(2026, 11, 24, 10, 0, tzinfo=UTC)) == date(2026, 12, 1)


def test_a_bank_holiday_does_not_count() -> None:
    assert due(datetime(2026, 12, 22, 10, 0, tzinfo=UTC)) == date(2026, 12, 31)
    assert due(datetime(2026, 4, 1, 10, 0, tzinfo=UTC)) == date(2026, 4, 10)


def test_a_proclaimed_day_off_does_not_count_either() -> None:
    proclaimed = {date(2026, 11, 27)}
    assert deadline(datetime(2026, 11, 24, 10, 0, tzinfo=UTC), FIVE, proclaimed).on == date(2026, 12, 2)


def test_late_on_a_summer_evening_is_already_tomorrow_in_london() -> None:
    assert due(datetime(2026, 6, 1, 22, 59, tzinfo=UTC)) == date(2026, 6, 8)
    assert due(datetime(2026, 6, 1, 23, 1, tzinfo=UTC)) == date(2026, 6, 9)


def test_a_completion_at_the_weekend_counts_from_monday() -> None:
    for day in (14, 15):
        assert due(datetime(2026, 11, day, 20, 0, tzinfo=UTC)) == date(2026, 11, 20)


def test_the_day_ends_at_five_in_london_on_both_sides_of_both_clock_changes() -> None:
    spring = deadline(datetime(2026, 3, 24, 12, 0, tzinfo=UTC), FIVE)
    autumn = deadline(datetime(2026, 10, 20, 12, 0, tzinfo=UTC), FIVE)
    assert spring.at == datetime(2026, 3, 31, 16, 0, tzinfo=UTC)
    assert autumn.at == datetime(2026, 10, 27, 17, 0, tzinfo=UTC)
    assert spring.at.astimezone(LONDON).time() == autumn.at.astimezone(LONDON).time() == time(17)


INSTANTS = st.integers(0, 10 * 365 * 24 * 60 - 60 * 24 * 60).map(lambda minutes: FIRST + timedelta(minutes=minutes))


@given(INSTANTS, st.integers(1, 20))
def test_a_deadline_is_a_working_day_with_that_many_working_days_before_it(raised_at: datetime, days: int) -> None:
    found = deadline(raised_at, Allowance(days, Rule.PROGRAMME))
    assert is_working_day(found.on)
    assert working_days_between(local_date(raised_at), found.on) == days
    assert local_date(found.at) == found.on


def test_every_day_of_ten_years_agrees_with_the_official_list() -> None:
    official = {
        each["date"] for each in BankHolidays(use_cached_holidays=True).get_holidays(BankHolidays.ENGLAND_AND_WALES)
    }
    first, last = max(date(2019, 1, 1), min(official)), min(date(2028, 12, 31), max(official))
    days = [first + timedelta(days=each) for each in range((last - first).days + 1)]
    assert [day for day in days if is_working_day(day) != (day.weekday() < 5 and day not in official)] == []
    assert len(days) > 9 * 365


def test_the_programme_may_give_red_less_time_but_never_more() -> None:
    assert allowance("red", 5, 2) == Allowance(2, Rule.PROGRAMME_RED)
    assert allowance("amber", 5, 2) == Allowance(5, Rule.PROGRAMME)
    assert allowance("red", 5, None) == Allowance(5, Rule.PROGRAMME)
    assert allowance("red", 5, 8) == Allowance(5, Rule.PROGRAMME)


def test_an_unknown_programme_gives_five_days_and_says_that_it_was_the_default() -> None:
    assert allowance("red", None, None) == Allowance(5, Rule.DEFAULT)


NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("current", "wanted", "said"),
    [
        (date(2026, 12, 1), date(2026, 12, 1), "later than the one that stands"),
        (date(2026, 11, 2), date(2026, 11, 24), "in the future"),
        (date(2026, 12, 1), date(2026, 12, 5), "a working day"),
        (date(2026, 12, 1), date(2026, 12, 25), "a working day"),
        (date(2026, 12, 1), date(2027, 3, 2), "within 90 days"),
    ],
)
def test_an_extension_that_makes_no_sense_is_refused_in_words(current: date, wanted: date, said: str) -> None:
    with pytest.raises(Refused, match=said) as no:
        extended(NOON, current, wanted)
    assert no.value.field == "due_on"


def test_an_overdue_action_can_be_extended() -> None:
    assert extended(NOON, date(2026, 11, 2), date(2026, 11, 26)) == date(2026, 11, 26)


def test_in_time_is_measured_to_the_minute_against_the_first_due_date() -> None:
    first = deadline(NOON, FIVE).at
    assert in_time(first, first)
    assert not in_time(first + timedelta(minutes=1), first)


def test_lateness_counts_working_days_only() -> None:
    friday = date(2026, 11, 20)
    assert [working_days_late(friday + timedelta(days=each), friday) for each in (-1, 0, 1, 2, 3, 4)] == [
        0,
        0,
        0,
        0,
        1,
        2,
    ]
