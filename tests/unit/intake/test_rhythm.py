"""A dead feed is seen the same day; a night, a weekend and a bank holiday are no alarm."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest

from services.intake.domain.rhythm import is_silent, usual_hours
from shared.clock import LONDON

WEEK = {date(2026, 11, day): time(6, 15 + day % 3) for day in (16, 17, 18, 19, 20)}


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=LONDON)


def test_a_daily_feed_that_does_not_come_is_silent_two_hours_after_its_hour() -> None:
    assert not is_silent(WEEK, at(23, 8, 16))
    assert is_silent(WEEK, at(23, 8, 18))


def test_a_feed_that_came_is_not_silent() -> None:
    assert not is_silent(WEEK | {date(2026, 11, 23): time(8, 0)}, at(23, 20))


def test_a_weekend_is_no_alarm() -> None:
    assert not is_silent(WEEK, at(21, 20))
    assert not is_silent(WEEK, at(22, 20))


def test_a_bank_holiday_is_no_alarm() -> None:
    christmas = {date(2026, 12, day): time(6, 0) for day in (18, 21, 22, 23, 24)}
    assert not is_silent(christmas, datetime(2026, 12, 25, 20, tzinfo=LONDON))


def test_a_file_given_now_and_then_has_no_rhythm() -> None:
    assert not is_silent({date(2026, 11, 17): time(9, 0)}, at(23, 20))
    assert usual_hours({date(2026, 11, 17): time(9, 0)}, date(2026, 11, 23)) == {}


def test_a_feeds_usual_hour_is_the_latest_of_its_last_five_working_days() -> None:
    hours = usual_hours(WEEK | {date(2026, 11, 13): time(12, 0)}, date(2026, 11, 23))
    assert hours == dict.fromkeys(range(5), time(6, 17))


MONDAYS = {date(2026, 11, 2): time(9, 0), date(2026, 11, 9): time(9, 40), date(2026, 11, 16): time(9, 10)}


@pytest.mark.parametrize(
    ("heard", "now", "silent"),
    [
        ({}, at(23, 11, 40), False),
        ({}, at(23, 11, 41), True),
        ({date(2026, 11, 23): time(11, 50)}, at(23, 12), False),
        ({}, at(19, 20), False),  # a Thursday
        ({date(2026, 11, 23): time(9, 0), date(2026, 11, 24): time(9, 0)}, at(25, 20), False),  # two in one week
    ],
)
def test_a_weekly_feed_is_missed_on_its_day(heard: dict[date, time], now: datetime, silent: bool) -> None:
    """An export of Mondays that died was never silent: it came on one of five working days."""
    assert is_silent(MONDAYS | heard, now) is silent


def test_a_weekly_feed_is_not_missed_on_a_bank_holiday_nor_for_one() -> None:
    """Of the Mondays before 11 May 2026, 6 April and 4 May were bank holidays."""
    heard = {date(2026, 3, 30): time(9), date(2026, 4, 13): time(9), date(2026, 4, 20): time(9)}
    assert not is_silent(heard | {date(2026, 4, 27): time(9)}, datetime(2026, 5, 4, 20, tzinfo=LONDON))
    assert is_silent(heard, datetime(2026, 5, 11, 20, tzinfo=LONDON))


def test_a_feed_of_some_days_of_the_week_is_not_missed_on_the_others() -> None:
    """One of Mondays to Wednesdays came on three of the five working days before each Thursday."""
    heard = {date(2026, 10, 12) + timedelta(weeks=week, days=day): time(6) for week in range(6) for day in range(3)}
    assert usual_hours(heard, date(2026, 11, 23)) == {0: time(6), 1: time(6), 2: time(6)}
    assert not is_silent(heard, at(20, 20))
    assert is_silent(heard, at(23, 20))


NIGHTLY = {date(2026, 11, day): time(22, 30 + day % 3) for day in (16, 17, 18, 19, 20)}


@pytest.mark.parametrize(
    ("heard", "now", "silent"),
    [
        ({}, at(23, 23, 59), False),  # its hour is half past midnight
        ({}, at(24, 0, 30), False),
        ({}, at(24, 0, 33), True),
        ({}, at(24, 12), True),
        ({date(2026, 11, 23): time(22, 31)}, at(24, 12), False),
        ({date(2026, 11, 24): time(0, 10)}, at(24, 12), False),  # late, and after midnight
        ({date(2026, 11, 23): time(22, 31)}, at(25, 12), True),  # the next night
        ({}, at(22, 12), False),  # Saturday night's is nobody's
    ],
)
def test_a_feed_of_the_late_evening_is_missed_after_midnight(
    heard: dict[date, time], now: datetime, silent: bool
) -> None:
    """A batch of half past ten at night was due on the day after, which had an hour of its own: it was never silent."""
    assert is_silent(NIGHTLY | heard, now) is silent


def test_a_nightly_feed_that_misses_a_friday_is_missed_on_the_saturday() -> None:
    heard = {day: hour for day, hour in NIGHTLY.items() if day != date(2026, 11, 20)} | {
        date(2026, 11, 13): time(22, 30)
    }
    assert not is_silent(heard, at(20, 23))
    assert is_silent(heard, at(21, 9))
