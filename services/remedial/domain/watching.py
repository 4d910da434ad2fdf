"""Watching: who is told when, and in which order, while an action's owner has something to do.

Reminders go to the owner, a working day before and on the day. Escalations climb one step at a time, so many working
days after the due date (or after the action changed hands), each once; they stop when the owner has reported.
"""

from collections.abc import Collection, Sequence
from datetime import date
from enum import StrEnum

from shared.working_days import add_working_days, is_working_day, working_days_between

LADDER = (1, 3)
"""Working days overdue at which an action climbs: to the team manager, then to the head of service."""


class Reminder(StrEnum):
    """What an owner is reminded of."""

    DUE_SOON = "due_soon"
    DUE_TODAY = "due_today"


def step_due(
    day: date, watched_from: date, taken: int, ladder: Sequence[int] = LADDER, proclaimed: Collection[date] = ()
) -> int | None:
    """The step to take when `day` begins, or None: the next one after those taken, if it is late enough for it."""
    if taken >= len(ladder) or not is_working_day(day, proclaimed):
        return None
    late = working_days_between(watched_from, day, proclaimed)
    return taken + 1 if late >= ladder[taken] else None


def reminders_of(day: date, proclaimed: Collection[date] = ()) -> dict[date, Reminder]:
    """The due dates whose owners are reminded when `day` begins, and of what; none on a day off."""
    if not is_working_day(day, proclaimed):
        return {}
    return {day: Reminder.DUE_TODAY, add_working_days(day, 1, proclaimed): Reminder.DUE_SOON}
