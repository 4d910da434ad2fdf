"""How open actions pile up for whoever watches them: unowned, overdue by age, due today, due soon, waiting."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.remedial.domain.deadlines import DUE_SOON_WORKING_DAYS
from shared.working_days import add_working_days


class Pile(StrEnum):
    """One pile. An action that waits for verification is in that pile whatever its due date; it may also be unowned."""

    OVERDUE = "overdue"
    DUE_TODAY = "due_today"
    DUE_SOON = "due_soon"
    LATER = "later"
    WAITING = "waiting"
    UNOWNED = "unowned"


NAMES = {
    Pile.OVERDUE: "Overdue",
    Pile.DUE_TODAY: "Due today",
    Pile.DUE_SOON: "Due in the next 2 working days",
    Pile.LATER: "Due later",
    Pile.WAITING: "Waiting to be verified",
    Pile.UNOWNED: "Nobody owns it yet",
}


@dataclass(frozen=True)
class Band:
    """Overdue since: from `first` up to and including `last`, as due dates; either end may be open."""

    name: str
    first: date | None
    last: date | None


def soon(today: date, proclaimed: Collection[date] = ()) -> date:
    """The last day that counts as soon."""
    return add_working_days(today, DUE_SOON_WORKING_DAYS, proclaimed)


def pile_of(due_on: date, today: date, proclaimed: Collection[date] = ()) -> Pile:
    """Where an action that its owner still has to do lies today."""
    if due_on < today:
        return Pile.OVERDUE
    if due_on == today:
        return Pile.DUE_TODAY
    return Pile.DUE_SOON if due_on <= soon(today, proclaimed) else Pile.LATER


def age_bands(today: date, proclaimed: Collection[date] = ()) -> list[Band]:
    """Overdue by age in working days, the oldest first."""

    def before(days: int) -> date:
        return add_working_days(today, -days, proclaimed)

    return [
        Band("more than 10 working days", None, _day_before(before(10))),
        Band("6 to 10 working days", before(10), _day_before(before(5))),
        Band("3 to 5 working days", before(5), _day_before(before(2))),
        Band("up to 2 working days", before(2), _day_before(today)),
    ]


def _day_before(day: date) -> date:
    return date.fromordinal(day.toordinal() - 1)
