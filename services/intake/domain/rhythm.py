"""Whether a feed has fallen silent, judged by its own rhythm on working days.

A feed that came on at least three of the last five working days is expected on a working day too: by two hours after
the latest hour at which it first came on those days. So nights, weekends and bank holidays raise no alarm, and a dead
feed is seen the same day. The figures are an inference; no source states them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from shared.clock import LONDON
from shared.working_days import add_working_days, is_working_day

LOOKED_BACK = 5
ENOUGH = 3
GRACE = timedelta(hours=2)


def expected_by(first_heard: Mapping[date, time], today: date) -> datetime | None:
    """By when a feed should be heard today; none where it has no rhythm or today is no working day.

    `first_heard` says when, in London, it first came on each day.
    """
    usual = usual_hour(first_heard, today)
    if usual is None or not is_working_day(today):
        return None
    return datetime.combine(today, usual, LONDON) + GRACE


def usual_hour(first_heard: Mapping[date, time], today: date) -> time | None:
    """By when a feed has come on the last five working days; none where it came on fewer than three of them."""
    days = [add_working_days(today, -back) for back in range(1, LOOKED_BACK + 1)]
    times = [first_heard[day] for day in days if day in first_heard]
    return max(times) if len(times) >= ENOUGH else None


def is_silent(first_heard: Mapping[date, time], now: datetime) -> bool:
    """Whether a feed that should have been heard by now was not."""
    today = now.astimezone(LONDON).date()
    return any(_is_missed(first_heard, day, now) for day in (today, today - timedelta(days=1)))


def _is_missed(first_heard: Mapping[date, time], day: date, now: datetime) -> bool:
    """Whether what was due of that day has not come since; what comes late in the evening is due after midnight."""
    due = expected_by(first_heard, day)
    return due is not None and now > due and not any(heard >= day for heard in first_heard)
