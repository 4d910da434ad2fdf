"""Whether a feed has fallen silent, judged by its own rhythm on working days.

A feed that came on at least three of the last five working days is daily; one that came on three of the last four
Mondays is of Mondays, whatever else it does. It is expected on such a working day too: by two hours after the latest
hour at which it first came on those days. So nights, weekends and bank holidays raise no alarm, and a dead feed is seen
the same day. The figures are an inference; no source states them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from itertools import count, islice

from shared.clock import LONDON
from shared.working_days import add_working_days, is_working_day

ENOUGH = 3
DAYS = 5
WEEKS = 4
WEEKDAYS = range(5)
LOOKED_BACK = timedelta(weeks=WEEKS + 6)
"""Covers four working Mondays across any run of bank holidays."""
GRACE = timedelta(hours=2)


def expected_by(first_heard: Mapping[date, time], today: date) -> datetime | None:
    """By when a feed should be heard today; none where it is not of this day, or today is no working day.

    `first_heard` says when, in London, it first came on each day.
    """
    usual = usual_hours(first_heard, today).get(today.weekday())
    if usual is None or not is_working_day(today):
        return None
    return datetime.combine(today, usual, LONDON) + GRACE


def usual_hours(first_heard: Mapping[date, time], today: date) -> dict[int, time]:
    """By when a feed usually comes, in London, on each weekday (Monday is 0) on which it does.

    A daily feed is of every weekday, but for those on which it never came in the four weeks that it is known.
    """
    hours: dict[int, time] = {}
    lately = _heard(first_heard, [add_working_days(today, -back) for back in range(1, DAYS + 1)])
    for weekday in WEEKDAYS:
        such = _latest(weekday, today)
        on_such = _heard(first_heard, such)
        never = not on_such and any(day < such[-1] for day in first_heard)
        if len(lately) >= ENOUGH and not never:
            hours[weekday] = max(lately)
        elif len(on_such) >= ENOUGH:
            hours[weekday] = max(on_such)
    return hours


def _latest(weekday: int, today: date) -> list[date]:
    """The last four days before today that were this weekday and working days, the newest first."""
    newest = today - timedelta(days=(today.weekday() - weekday - 1) % 7 + 1)
    days = (newest - timedelta(weeks=back) for back in count())
    return list(islice((day for day in days if is_working_day(day)), WEEKS))


def _heard(first_heard: Mapping[date, time], days: list[date]) -> list[time]:
    return [first_heard[day] for day in days if day in first_heard]


def is_silent(first_heard: Mapping[date, time], now: datetime) -> bool:
    """Whether a feed that should have been heard by now was not."""
    today = now.astimezone(LONDON).date()
    return any(_is_missed(first_heard, day, now) for day in (today, today - timedelta(days=1)))


def _is_missed(first_heard: Mapping[date, time], day: date, now: datetime) -> bool:
    """Whether what was due of that day has not come since; what comes late in the evening is due after midnight."""
    due = expected_by(first_heard, day)
    return due is not None and now > due and not any(heard >= day for heard in first_heard)
