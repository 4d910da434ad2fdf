"""Where a theme will end: certain where supply is plenty, short and said early where it is not."""

from __future__ import annotations

import random

from services.audit.domain.forecast import Outlook, forecast


def outlook(target: int, a_week: int, *, week: int = 4, done: int = 0) -> Outlook:
    return Outlook(target, done, week, 12, arrived=0, drawn=0, earlier=[a_week] * 3, estimate=a_week)


def test_plenty_of_work_ends_at_the_target() -> None:
    found = forecast(outlook(87, 60, done=22), random.Random(1))
    assert (found.low, found.high, found.is_at_risk, found.weeks_more) == (87, 87, False, 0)


def test_too_little_work_is_said_weeks_ahead_with_an_interval() -> None:
    found = forecast(outlook(66, 4, done=13), random.Random(1))
    assert found.is_short
    assert 38 <= found.low < found.high < 66
    assert found.weeks_more >= 1


def test_the_same_figures_are_shown_twice() -> None:
    assert forecast(outlook(66, 6), random.Random(3)) == forecast(outlook(66, 6), random.Random(3))


def test_what_has_arrived_this_week_counts() -> None:
    late = Outlook(66, 60, 12, 12, arrived=9, drawn=2, earlier=[6, 6, 6], estimate=6)
    assert forecast(late, random.Random(1)).low == 66
