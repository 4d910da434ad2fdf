"""A draw that is near-live, exact and fair at once.

Every unit (an assessment, or a family's assessments of one day) has a priority in [0, 1): a keyed hash that nobody can
foresee without the seed and anybody can check with it. Before a theme-week opens, what it wants and its threshold are
fixed. On arrival a case below the threshold is drawn at once; at the week's close the lowest priorities fill what is
wanting. So either everything below the threshold is in, or exactly the wanted number of lowest priorities: being drawn
depends on the priority alone, never on when in the week a case arrived, from which team, by whose hand.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

ENDING_WEEKS = 3
"""In the last weeks the threshold is set low and the close fills up, so that arrivals cannot run past the target."""

HISTORY_WEEKS = 4
"""Expected arrivals are the mean of so many weeks before."""


class Outcome(StrEnum):
    """What became of an eligible assessment. A later decision on it stands beside the first, never in its place."""

    DRAWN = "drawn"
    NOT_DRAWN = "not_drawn"
    FILLED = "filled"
    REPLACEMENT = "replacement"
    BY_HAND = "by_hand"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"
    INELIGIBLE = "ineligible"
    EXCLUDED = "excluded"


IN_SAMPLE = frozenset({Outcome.DRAWN, Outcome.FILLED, Outcome.REPLACEMENT})
"""Outcomes that count towards a target."""


def priority(seed: bytes, unit: UUID) -> float:
    """The unit's place in the draw, in [0, 1): HMAC-SHA256 of its id under the programme's seed, as 53 bits."""
    keyed = _keyed(seed).copy()
    keyed.update(unit.bytes)
    digest = keyed.digest()
    return (int.from_bytes(digest[:8], "big") >> 11) * 2.0**-53


@lru_cache(maxsize=64)
def _keyed(seed: bytes) -> hmac.HMAC:
    """HMAC-SHA256 under the seed, begun: what the key costs is paid once."""
    return hmac.new(seed, digestmod=hashlib.sha256)


def tie_break(seed: bytes, assessment_id: UUID, theme_id: str) -> bytes:
    """Settles which of two equally needy themes a case belongs to; independent of its priority."""
    return hmac.digest(seed, assessment_id.bytes + theme_id.encode(), hashlib.sha256)


def week_of(day: date, opens_on: date) -> int:
    """The programme's week that a day falls in; the first is 1."""
    return (day - opens_on).days // 7 + 1


def week_opens_on(week: int, opens_on: date) -> date:
    """The first day of a programme's week."""
    return opens_on + timedelta(weeks=week - 1)


def weeks_between(opens_on: date, closes_on: date) -> int:
    """How many weeks a programme has, its last day included; a started week counts."""
    return week_of(closes_on, opens_on)


def cumulative_target(target: int, week: int, weeks: int) -> int:
    """How many of the target should be drawn by the end of this week, rounded up."""
    return math.ceil(target * min(week, weeks) / weeks)


def want(target: int, week: int, weeks: int, done: int) -> int:
    """What this week should draw: shortfall and overshoot of the weeks before carry over."""
    return max(0, cumulative_target(target, week, weeks) - done)


def expected_arrivals(earlier: Sequence[int], estimate: float) -> float:
    """The mean of the last four weeks' arrivals; the programme's own estimate while there are none."""
    recent = earlier[-HISTORY_WEEKS:]
    return sum(recent) / len(recent) if recent else estimate


def threshold(wanted: int, expected: float, remaining: int, *, ending: bool) -> float:
    """The priority below which a case is drawn on arrival, in [0, 1].

    Towards the end it is lowered until a week that draws three standard deviations more than it should still keeps
    within what remains of the target; the close then fills up. In the last week, where all that remains is wanted,
    that leaves most to the close.
    """
    if wanted <= 0:
        return 0.0
    share = 1.0 if expected <= wanted else wanted / expected
    return min(share, _cautious(remaining, expected)) if ending else share


def _cautious(remaining: int, expected: float) -> float:
    """The largest share p with e*p + 3*sqrt(e*p*(1-p)) within what remains: solved as a quadratic in e*p."""
    if expected <= remaining:
        return 1.0
    a, b = 1 + 9 / expected, 2 * remaining + 9
    return (b - math.sqrt(max(0.0, b * b - 4 * a * remaining**2))) / (2 * a) / expected


def is_ending(week: int, weeks: int) -> bool:
    """Whether the week is one of the programme's last three."""
    return week > weeks - ENDING_WEEKS


class ThemeWeek(NamedTuple):
    """One theme's week and its counters: the whole state that a draw depends on.

    `done` counts the theme's cases in the sample over all weeks, `drawn` those of this week; cases chosen by hand are
    in neither, for they are outside the statistics. `limit` is the theme's target where it may not be passed.
    """

    week: int
    want: int
    threshold: float
    expected: float
    limit: int | None
    done: int
    arrivals: int = 0
    drawn: int = 0
    sequence: int = 0
    capped: bool = False

    @property
    def done_before(self) -> int:
        """How many cases of the theme the weeks before gave to the sample."""
        return self.done - self.drawn

    @property
    def full(self) -> bool:
        """Whether the theme's target is reached and may not be passed."""
        return self.limit is not None and self.done >= self.limit

    def arrive(self, unit_priority: float) -> tuple[ThemeWeek, Outcome]:
        """One eligible case arrives: it is drawn at once below the threshold, unless the theme is full."""
        below = unit_priority < self.threshold
        drawn = below and not self.full
        # Written out, for `_replace` costs twice as much and every arrival comes this way.
        after = ThemeWeek(
            self.week,
            self.want,
            self.threshold,
            self.expected,
            self.limit,
            self.done + drawn,
            self.arrivals + 1,
            self.drawn + drawn,
            self.sequence + 1,
            self.capped or (below and not drawn),
        )
        return after, Outcome.DRAWN if drawn else Outcome.NOT_DRAWN

    def add(self) -> ThemeWeek:
        """A case joins the sample after its arrival: it fills the week or replaces another."""
        return self._replace(sequence=self.sequence + 1, drawn=self.drawn + 1, done=self.done + 1)

    def give_back(self) -> ThemeWeek:
        """A drawn case leaves the sample: returned or withdrawn."""
        return self._replace(sequence=self.sequence + 1, drawn=self.drawn - 1, done=self.done - 1)

    def having(self, done: int) -> ThemeWeek:
        """The same week, after another week of the theme changed its count."""
        return self._replace(done=done)

    def note(self) -> ThemeWeek:
        """Something is recorded that changes no counter: a case chosen by hand, or one that can no longer be drawn."""
        return self._replace(sequence=self.sequence + 1)

    @property
    def wanting(self) -> int:
        """How many more the close should add."""
        room = self.want - self.drawn
        return max(0, room if self.limit is None else min(room, self.limit - self.done))

    @property
    def weight(self) -> float | None:
        """How many cases of the week each drawn one stands for, N/n; none when nothing was drawn."""
        return self.arrivals / self.drawn if self.drawn else None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case that was not drawn on arrival and may still fill or replace."""

    assessment_id: UUID
    priority: float
    sequence: int


def place(case: Waiting) -> tuple[float, int]:
    """Where it stands in the order in which cases fill: by priority, earlier arrivals first among equals (siblings)."""
    return case.priority, case.sequence


def lowest(waiting: Iterable[Waiting]) -> list[Waiting]:
    """In the order in which they fill."""
    return sorted(waiting, key=place)


@dataclass(frozen=True, slots=True)
class Need:
    """How far one theme was behind when its week opened: `done` of `target`.

    Taken at the week's opening and not case by case: a theme that draws quickly within its week would else hand its
    cases to one that fills up at the close, and the scarcest theme would end short.
    """

    theme_id: str
    done: int
    target: int


def assign(needs: Sequence[Need], seed: bytes, assessment_id: UUID) -> str:
    """The one theme that a case counts towards: the furthest behind its target, ties by the sampling hash.

    It is decided before the case's priority is looked at, so it says nothing about who is drawn.
    """
    behind = min(need.done / need.target for need in needs)
    neediest = [need for need in needs if need.done / need.target == behind]
    if len(neediest) == 1:
        return neediest[0].theme_id
    return min(neediest, key=lambda need: tie_break(seed, assessment_id, need.theme_id)).theme_id
