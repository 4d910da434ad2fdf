"""Working days, held against what government publishes and against the days on which other systems went wrong."""

import json
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.working_days import (
    add_working_days,
    due_on,
    end_of_working_day,
    is_working_day,
    local_date,
    working_days_between,
)

DAYS = st.dates(date(2019, 1, 1), date(2028, 12, 31))


def published_bank_holidays() -> set[date]:
    """What gov.uk publishes for England and Wales, as bundled with govuk-bank-holidays."""
    bundled = json.loads((files("govuk_bank_holidays") / "bank-holidays.json").read_text())
    return {date.fromisoformat(event["date"]) for event in bundled["england-and-wales"]["events"]}


def test_ten_years_of_days_agree_with_what_government_publishes() -> None:
    published = published_bank_holidays()
    days = [date(2019, 1, 1) + timedelta(days=n) for n in range(3653)]
    assert [day for day in days if is_working_day(day) != (day.weekday() < 5 and day not in published)] == []


@pytest.mark.parametrize(
    ("raised", "due"),
    [
        (date(2026, 11, 24), date(2026, 12, 1)),  # an ordinary Tuesday
        (date(2026, 4, 1), date(2026, 4, 10)),  # Good Friday and Easter Monday in between
        (date(2026, 12, 23), date(2027, 1, 4)),  # Christmas, Boxing Day observed, New Year's Day
        (date(2021, 12, 23), date(2022, 1, 4)),  # both Christmas days fall on a weekend, and New Year's Day
        (date(2022, 9, 16), date(2022, 9, 26)),  # the state funeral on Monday 19 September 2022
        (date(2020, 5, 6), date(2020, 5, 14)),  # the May bank holiday moved to Friday 8 May 2020
    ],
)
def test_five_working_days_step_over_weekends_and_bank_holidays(raised: date, due: date) -> None:
    assert add_working_days(raised, 5) == due


def test_a_day_proclaimed_by_the_council_moves_only_what_is_counted_with_it() -> None:
    proclaimed = frozenset({date(2026, 11, 26)})
    assert add_working_days(date(2026, 11, 24), 2) == date(2026, 11, 26)
    assert add_working_days(date(2026, 11, 24), 2, proclaimed) == date(2026, 11, 27)


def test_a_late_evening_in_summer_counts_from_the_local_date() -> None:
    """23:30 UTC on Friday 26 June 2026 is already Saturday in London: five working days end on the next Friday."""
    assert local_date(datetime(2026, 6, 26, 23, 30, tzinfo=UTC)) == date(2026, 6, 27)
    assert due_on(datetime(2026, 6, 26, 23, 30, tzinfo=UTC), 5) == date(2026, 7, 3)
    assert due_on(datetime(2026, 6, 25, 23, 30, tzinfo=UTC), 5) == date(2026, 7, 3)
    assert due_on(datetime(2026, 6, 25, 22, 30, tzinfo=UTC), 5) == date(2026, 7, 2)


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), date(2026, 3, 29)),  # clocks go forward at 01:00 UTC
        (datetime(2026, 3, 29, 23, 0, tzinfo=UTC), date(2026, 3, 30)),
        (datetime(2026, 3, 28, 23, 30, tzinfo=UTC), date(2026, 3, 28)),
        (datetime(2026, 10, 24, 23, 30, tzinfo=UTC), date(2026, 10, 25)),  # the last evening of summer time
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), date(2026, 10, 25)),  # the hour that comes twice
        (datetime(2026, 10, 25, 23, 30, tzinfo=UTC), date(2026, 10, 25)),
    ],
)
def test_both_clock_changes_keep_the_date_right(instant: datetime, day: date) -> None:
    assert local_date(instant) == day


def test_a_working_day_ends_at_five_in_the_seasons_time() -> None:
    """An hour off here lost a notification service its scheduled jobs in October 2022."""
    friday, monday = date(2026, 3, 27), date(2026, 3, 30)
    assert end_of_working_day(friday).astimezone(UTC) == datetime(2026, 3, 27, 17, tzinfo=UTC)
    assert end_of_working_day(monday).astimezone(UTC) == datetime(2026, 3, 30, 16, tzinfo=UTC)
    assert end_of_working_day(date(2026, 10, 23)).astimezone(UTC) == datetime(2026, 10, 23, 16, tzinfo=UTC)
    assert end_of_working_day(date(2026, 10, 26)).astimezone(UTC) == datetime(2026, 10, 26, 17, tzinfo=UTC)


def test_an_instant_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        local_date(datetime(2026, 11, 24, 12))  # noqa: DTZ001 - the naive instant is what is refused


@given(DAYS, st.integers(min_value=1, max_value=60))
def test_counting_what_was_added_gives_it_back(day: date, count: int) -> None:
    due = add_working_days(day, count)
    assert is_working_day(due)
    assert working_days_between(day, due) == count
    assert working_days_between(due, day) == -count


@given(DAYS, st.integers(min_value=1, max_value=60))
def test_going_back_from_a_working_day_undoes_going_forward(day: date, count: int) -> None:
    start = add_working_days(day, 1)
    assert add_working_days(add_working_days(start, count), -count) == start
