"""Leave: when somebody is away. A deadline that falls into it stands; whoever answers for the owner is told."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

LONGEST_DAYS = 400


@dataclass(frozen=True)
class Away:
    """Somebody is away from the first day to the last, both included. Why is nobody's business here."""

    first_on: date
    last_on: date

    def covers(self, day: date) -> bool:
        """Whether they are away on that day."""
        return self.first_on <= day <= self.last_on


def away_until(day: date, leave: Iterable[Away]) -> date | None:
    """The last day on which they are away, if they are away on this day."""
    return max((each.last_on for each in leave if each.covers(day)), default=None)


def why_not(away: Away, today: date) -> str | None:
    """What is wrong with leave that somebody records today, or None."""
    if away.last_on < away.first_on:
        return "The last day must not be before the first"
    if away.last_on < today:
        return "The leave must not be over already"
    if (away.last_on - away.first_on).days > LONGEST_DAYS:
        return "The leave must not be longer than a year"
    return None
