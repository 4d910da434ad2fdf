"""Where each theme will end if work goes on arriving as it has: an interval, and what would help.

The remaining weeks are played many times with the rules of the draw: shortfall carries over, a week cannot give more
than arrives in it, the target is never passed. Chance is an argument, so a page shows the same figures twice.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from services.audit.domain.sampling import expected_arrivals, want

RUNS = 300
COVERED = 0.90
"""The share of the plays that lie within the interval."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """One theme's remaining weeks: `week` is the one now open, of which `arrived` and `drawn` are known already."""

    target: int
    done: int
    week: int
    weeks: int
    arrived: int
    drawn: int
    earlier: Sequence[int]
    estimate: float

    @property
    def arrivals_a_week(self) -> float:
        """What the last weeks let expect."""
        return expected_arrivals(self.earlier, self.estimate)


@dataclass(frozen=True, slots=True)
class Forecast:
    """How many audits a theme will have at its end, from `low` to `high` in nine plays of ten."""

    low: int
    high: int
    target: int
    arrivals_a_week: float

    @property
    def is_short(self) -> bool:
        """Whether even a good run misses the target."""
        return self.high < self.target

    @property
    def is_at_risk(self) -> bool:
        """Whether a poor run misses the target."""
        return self.low < self.target

    @property
    def weeks_more(self) -> int:
        """How many weeks more would bring a poor run to the target."""
        return math.ceil((self.target - self.low) / max(self.arrivals_a_week, 0.1)) if self.is_at_risk else 0


def forecast(outlook: Outlook, rng: random.Random) -> Forecast:
    """Play the rest of the programme, and say where it ends."""
    ends = sorted(_play(outlook, rng) for _ in range(RUNS))
    edge = int(RUNS * (1 - COVERED) / 2)
    return Forecast(ends[edge], ends[-1 - edge], outlook.target, outlook.arrivals_a_week)


def _play(outlook: Outlook, rng: random.Random) -> int:
    mean, done = outlook.arrivals_a_week, outlook.done
    undrawn = max(0, outlook.arrived - outlook.drawn)
    for week in range(outlook.week, outlook.weeks + 1):
        first = week == outlook.week
        coming = max(0, _arrivals(mean, rng) - outlook.arrived) if first else _arrivals(mean, rng)
        before = done - outlook.drawn if first else done
        wanted = want(outlook.target, week, outlook.weeks, before) - (outlook.drawn if first else 0)
        done += min(max(0, wanted), coming + (undrawn if first else 0), outlook.target - done)
    return done


def _arrivals(mean: float, rng: random.Random) -> int:
    """A week's arrivals: counts scatter as their mean does."""
    return max(0, round(rng.gauss(mean, math.sqrt(max(mean, 0.1)))))
