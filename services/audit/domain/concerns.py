"""A child may be unsafe now: who is told, in which order, and by when somebody must have it in hand.

The sector's rule: telephone first, the record second; never anyone who is implicated; closed by what made the child
safe. Quiet hours do not apply. The times are an inference (same day): no protocol was found that states them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

ACKNOWLEDGE_WITHIN = timedelta(hours=1)
"""How long a step of the chain has before the next one is told too."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Whom the council would tell, nearest first: team managers, heads of service, the director."""

    steps: tuple[tuple[str, ...], ...]

    def told_at(self, step: int, implicated: Collection[str]) -> tuple[str, ...]:
        """Everybody told by this step: no one implicated, and never no one while there is anyone left to tell.

        A step that has nobody in it does not cost the child an hour: the next one is told in its place.
        """
        clean = [[person for person in people if person not in implicated] for people in self.steps]
        manned = [people for people in clean if people]
        return tuple(dict.fromkeys(person for people in manned[: step + 1] for person in people))

    def ends_at(self, implicated: Collection[str]) -> int:
        """The last step at which somebody new is told."""
        return max(0, sum(any(person not in implicated for person in people) for people in self.steps) - 1)


def chain(managers: Sequence[str], heads: Sequence[str], directors: Sequence[str], qa: Sequence[str]) -> Chain:
    """The chain of one team: its managers with the QA managers at once, then the heads of its service, then the DCS."""
    return Chain(((*managers, *qa), tuple(heads), tuple(directors)))


def acknowledge_by(told_at: datetime) -> datetime:
    """By when somebody must say that they have it in hand; nights and weekends count."""
    return told_at + ACKNOWLEDGE_WITHIN
