"""When an action is due: working days of England, frozen when set, at the end of the working day in London.

The rule that made a deadline is kept beside it, so that nobody has to guess later why it was that day. Timeliness is
measured against the first due date for ever; extensions are counted beside it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from services.remedial.domain.refusal import Refused
from shared import working_days

DEFAULT_WORKING_DAYS = 5
"""Five working days for a remedial action: what the programme of 2020 gave its social workers."""

DUE_SOON_WORKING_DAYS = 2
LONGEST_EXTENSION = timedelta(days=90)


class Rule(StrEnum):
    """Which rule gave the working days."""

    DEFAULT = "default"
    """The programme is not known here (yet): five working days."""
    PROGRAMME = "programme"
    PROGRAMME_RED = "programme_red"
    """The programme gives a red case less time."""


@dataclass(frozen=True)
class Allowance:
    """So many working days, by this rule."""

    working_days: int
    rule: Rule


@dataclass(frozen=True)
class Deadline:
    """A day and the instant at which it is over for work, with the allowance that made it."""

    on: date
    at: datetime
    allowance: Allowance


def allowance(rag: str, programme_days: int | None, programme_red_days: int | None) -> Allowance:
    """The working days that an action of an audit rated `rag` gets. The programme may give red less, never more."""
    if programme_days is None:
        return Allowance(DEFAULT_WORKING_DAYS, Rule.DEFAULT)
    if rag == "red" and programme_red_days is not None and programme_red_days < programme_days:
        return Allowance(programme_red_days, Rule.PROGRAMME_RED)
    return Allowance(programme_days, Rule.PROGRAMME)


def deadline(raised_at: datetime, given: Allowance, proclaimed: Collection[date] = ()) -> Deadline:
    """The deadline of something raised at an aware instant. The day it is raised on does not count.

    Raised on Monday evening or on Monday morning, five working days end on Monday at five: both leave five full days.
    """
    on = working_days.due_on(raised_at, given.working_days, proclaimed)
    return Deadline(on, working_days.end_of_working_day(on), given)


def extended(now: datetime, current: date, wanted: date, proclaimed: Collection[date] = ()) -> date:
    """The later due date that was asked for, or a clear no: a working day, later than the one that stands, not past.

    Raises:
        Refused: with the field `due_on`.
    """
    if wanted <= current:
        raise Refused("The new due date must be later than the one that stands.", "due_on")
    if wanted <= working_days.local_date(now):
        raise Refused("The new due date must be in the future.", "due_on")
    if wanted - current > LONGEST_EXTENSION:
        raise Refused("The new due date must be within 90 days of the one that stands.", "due_on")
    if not working_days.is_working_day(wanted, proclaimed):
        raise Refused("The new due date must be a working day.", "due_on")
    return wanted


def in_time(reported_at: datetime, first_due_at: datetime) -> bool:
    """Whether the work was reported done by the first due date, whatever was granted afterwards."""
    return reported_at <= first_due_at


def working_days_late(today: date, due_on: date, proclaimed: Collection[date] = ()) -> int:
    """How many working days after its due date an open action stands; 0 while it is not overdue."""
    return max(0, working_days.working_days_between(due_on, today, proclaimed))
