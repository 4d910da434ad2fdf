"""Working days in England: Monday to Friday without the bank holidays of England and Wales, on Europe/London's dates.

A deadline is frozen when it is set: a bank holiday proclaimed later moves no deadline silently. `proclaimed` is the
council's own list of days that the calendar does not know yet (a coronation, a state funeral).
"""

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache

# Not by its name in the package, which would be looked up, and loaded, in the middle of the first event
from holidays.countries.united_kingdom import UnitedKingdom

from shared.clock import LONDON

CLOSING = time(17, 0)
"""When a working day ends."""


def local_date(instant: datetime) -> date:
    """The date in Europe/London at an aware instant: half past eleven on a summer evening in UTC is tomorrow."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs its time zone")
    return instant.astimezone(LONDON).date()


def is_working_day(day: date, proclaimed: Collection[date] = ()) -> bool:
    """Whether offices are open on that day."""
    return day.weekday() < 5 and day not in bank_holidays(day.year) and day not in proclaimed


def add_working_days(day: date, count: int, proclaimed: Collection[date] = ()) -> date:
    """The `count`-th working day after `day` (before it where negative); `day` itself for 0."""
    step = timedelta(days=1 if count > 0 else -1)
    left = abs(count)
    while left:
        day += step
        left -= is_working_day(day, proclaimed)
    return day


def working_days_between(start: date, end: date, proclaimed: Collection[date] = ()) -> int:
    """How many working days lie after `start` up to and including `end`; negative where `end` comes first."""
    if end < start:
        return -working_days_between(end, start, proclaimed)
    off = sum(start < day <= end and is_working_day(day) for day in set(proclaimed)) if proclaimed else 0
    return _working_days_until(end.toordinal()) - _working_days_until(start.toordinal()) - off


def end_of_working_day(day: date) -> datetime:
    """Five in the afternoon of that day, in London's time of the season."""
    return datetime.combine(day, CLOSING, LONDON)


def due_on(raised_at: datetime, days: int, proclaimed: Collection[date] = ()) -> date:
    """The date by which something raised at an instant is due: `days` working days after its date in London."""
    return add_working_days(local_date(raised_at), days, proclaimed)


@cache
def bank_holidays(year: int) -> frozenset[date]:
    """The bank holidays of England and Wales in one year, substitutes among them."""
    return frozenset(UnitedKingdom(subdiv="ENG", years=year))  # type: ignore[no-untyped-call]


@lru_cache(maxsize=8192)
def _working_days_until(ordinal: int) -> int:
    """How many working days there were from the start of year 1 up to and including a day, bank holidays from 1970."""
    day = date.fromordinal(ordinal)
    weeks, rest = divmod(ordinal, 7)
    holidays = sum(_weekday_holidays(year) for year in range(1970, day.year))
    this_year = sum(each <= day and each.weekday() < 5 for each in bank_holidays(day.year))
    return weeks * 5 + min(rest, 5) - holidays - this_year


@cache
def _weekday_holidays(year: int) -> int:
    return sum(each.weekday() < 5 for each in bank_holidays(year))
