"""The few statistics that the programme's figures rest on, each with its source and a published check in its tests.

Everything here is pure arithmetic on small lists; nothing is random, so a figure computed twice is the same figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, sqrt
from statistics import NormalDist, fmean, stdev

Z95 = NormalDist().inv_cdf(0.975)
"""The two-sided 95% point of the normal distribution, 1.95996."""


@dataclass(frozen=True)
class Interval:
    """A closed interval; `low` is never above `high`."""

    low: float
    high: float


@dataclass(frozen=True)
class Spread:
    """A median with its quartiles, and how many values it stands on."""

    count: int
    lower: float
    median: float
    upper: float


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` of the sorted, non-empty values lie, interpolated.

    Hyndman and Fan (1996), definition 7: what Excel's PERCENTILE.INC, R and numpy give by default.
    """
    place = share * (len(ordered) - 1)
    below = floor(place)
    above = ceil(place)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def spread(values: Sequence[float]) -> Spread | None:
    """The median and interquartile range of the values; none of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return Spread(len(ordered), *(quantile(ordered, share) for share in (0.25, 0.5, 0.75)))


def design_effect(sizes: Iterable[int]) -> float:
    """By how much clusters of these sizes widen the variance of a proportion, at most; 1 where all are of one.

    Σm²/Σm: Kish, Survey Sampling (1965), section 8.2, for unequal clusters whose members are wholly alike. How alike
    siblings are is not known, so the interval is the wider one.
    """
    known = list(sizes)
    return sum(size * size for size in known) / sum(known) if known else 1.0


def wilson(
    successes: int, trials: int, population: int | None = None, z: float = Z95, *, effect: float = 1.0
) -> Interval:
    """Wilson's score interval for a proportion: E. B. Wilson (1927), JASA 22, 209-212. `trials` is at least 1.

    The trials count for as many as they are divided by the design `effect`.

    With a finite `population` the sample counts for more than its size: n is replaced by n(N-1)/(N-n), the finite
    population correction of the variance (Cochran, Sampling Techniques, 1977, section 3.2). A census has no
    uncertainty: the interval is the proportion itself.
    """
    share = successes / trials
    if population is not None and population <= trials:
        return Interval(share, share)
    size = (trials if population is None else trials * (population - 1) / (population - trials)) / effect
    centre = share + z * z / (2 * size)
    margin = z * sqrt(share * (1 - share) / size + z * z / (4 * size * size))
    scale = 1 + z * z / size
    return Interval(
        0.0 if successes == 0 else (centre - margin) / scale,
        1.0 if successes == trials else (centre + margin) / scale,
    )


def sample_size(population: int, accuracy: float, share: float = 0.5, z: float = Z95) -> int:
    """How many of a finite population to audit so that a proportion is known to within `accuracy`.

    n = c²Np(1-p) / (A²N + c²p(1-p)), the formula of HQIP's guide to sampling in clinical audit; rounded to nearest,
    as its published table does.
    """
    spread_of_share = z * z * share * (1 - share)
    return round(spread_of_share * population / (accuracy * accuracy * population + spread_of_share))


# --- control charts ---------------------------------------------------------------------------------------------------

PROVISIONAL_BELOW = 12
"""With fewer points the limits of a control chart are provisional (NHS England, Making Data Count)."""

RUN = 7


@dataclass(frozen=True)
class ControlLimits:
    """The centre and natural process limits of an XmR chart."""

    mean: float
    lower: float
    upper: float
    provisional: bool


@dataclass(frozen=True)
class SpecialCause:
    """A pattern that common causes do not explain: which rule, and the points (by index) that make it."""

    rule: str
    points: tuple[int, ...]


def control_limits(values: Sequence[float], *, without_outlying_ranges: bool = False) -> ControlLimits | None:
    """XmR limits: mean ± 2.66 × mean moving range (Shewhart's individuals chart, as in NHS Making Data Count).

    `without_outlying_ranges` leaves out moving ranges above 3.267 × their mean, so that one freak value does not hide
    itself by widening the limits. None of fewer than two points.
    """
    if len(values) < 2:
        return None
    ranges = [abs(after - before) for before, after in pairwise(values)]
    if without_outlying_ranges:
        ceiling = 3.267 * fmean(ranges)
        ranges = [moved for moved in ranges if moved <= ceiling]
    width = 2.66 * fmean(ranges)
    mean = fmean(values)
    return ControlLimits(mean, mean - width, mean + width, len(values) < PROVISIONAL_BELOW)


def special_causes(values: Sequence[float], limits: ControlLimits) -> list[SpecialCause]:
    """The special causes in the order of their rules: outside, run, trend, near a limit."""
    outside = [
        SpecialCause("outside", (at,)) for at, value in enumerate(values) if not limits.lower <= value <= limits.upper
    ]
    return outside + _runs(values, limits.mean) + _trends(values) + _near_a_limit(values, limits)


def _runs(values: Sequence[float], mean: float) -> list[SpecialCause]:
    """Seven or more points in a row on one side of the mean."""
    return [SpecialCause("run", tuple(at)) for at in _stretches([_sign(value - mean) for value in values], RUN)]


def _trends(values: Sequence[float]) -> list[SpecialCause]:
    """Seven or more points in a row, each above the last, or each below it."""
    steps = [_sign(after - before) for before, after in pairwise(values)]
    return [SpecialCause("trend", (*at, at[-1] + 1)) for at in _stretches(steps, RUN - 1)]


def _near_a_limit(values: Sequence[float], limits: ControlLimits) -> list[SpecialCause]:
    """Two of three points in a row within the outer third between the mean and one limit."""
    third = (limits.upper - limits.mean) * 2 / 3
    outer = [
        _sign(value - limits.mean) if abs(value - limits.mean) > third and limits.lower <= value <= limits.upper else 0
        for value in values
    ]
    found = []
    for start in range(len(values) - 2):
        for side in (1, -1):
            points = tuple(at for at in range(start, start + 3) if outer[at] == side)
            if len(points) >= 2:
                found.append(SpecialCause("near a limit", points))
    return list(dict.fromkeys(found))


def _stretches(signs: Sequence[int], length: int) -> list[range]:
    """The longest stretches of one and the same sign, not 0, that are at least `length` long."""
    found, start = [], 0
    for at in range(1, len(signs) + 1):
        if at == len(signs) or signs[at] != signs[start]:
            if signs[start] != 0 and at - start >= length:
                found.append(range(start, at))
            start = at
    return found


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


# --- agreement between raters on an ordinal scale ---------------------------------------------------------------------

Ratings = Sequence[Sequence[int | None]]
"""One row for each unit: what every rater gave it, as a place on the scale from 0; none where a rater gave nothing."""


@dataclass(frozen=True)
class Agreement:
    """A coefficient of agreement with its 95% interval (jackknife over units); `units` have two ratings or more."""

    value: float
    interval: Interval | None
    units: int


def quadratic_weighted_kappa(ratings: Ratings, grades: int) -> Agreement | None:
    """Cohen's kappa for two raters with quadratic weights: Cohen (1968), Psychological Bulletin 70, 213-220.

    None where it is not defined: no unit rated by both, or both used one and the same grade throughout.
    """
    return _jackknifed(lambda units: _kappa(units, grades), ratings)


def gwet_ac2(ratings: Ratings, grades: int) -> Agreement | None:
    """Gwet's AC2 with quadratic weights: Gwet, Handbook of Inter-Rater Reliability (4th ed., 2014), chapter 5.

    Any number of raters, gaps allowed. It stands beside kappa, which misleads where nearly all cases get one grade.
    """
    return _jackknifed(lambda units: _ac2(units, grades), ratings)


def krippendorff_alpha(ratings: Ratings, *, metric: str = "ordinal") -> Agreement | None:
    """Krippendorff's alpha: Krippendorff (2011), Computing Krippendorff's Alpha-Reliability.

    `metric` is `nominal`, `ordinal`, `interval` or `ratio`. Any number of raters, gaps allowed; None where no unit has
    two ratings or only one value was ever used.
    """
    return _jackknifed(lambda units: _alpha(units, metric), ratings)


def _jackknifed(estimate: Callable[[Ratings], float | None], ratings: Ratings) -> Agreement | None:
    """The estimate with an interval from leaving out one unit at a time (Efron and Stein, 1981)."""
    units = [unit for unit in ratings if any(given is not None for given in unit)]
    value = estimate(units)
    if value is None:
        return None
    without = [part for at in range(len(units)) if (part := estimate(units[:at] + units[at + 1 :])) is not None]
    shared_units = sum(len(_given(unit)) >= 2 for unit in units)
    if len(without) < 3 or len(without) < len(units):
        return Agreement(value, None, shared_units)
    error = (len(without) - 1) / sqrt(len(without)) * stdev(without)
    return Agreement(value, Interval(max(-1.0, value - Z95 * error), min(1.0, value + Z95 * error)), shared_units)


def _given(unit: Sequence[int | None]) -> list[int]:
    return [given for given in unit if given is not None]


def _closeness(one: int, other: int, grades: int) -> float:
    """Quadratic weight: 1 for the same grade, 0 for the ends of the scale."""
    return 1.0 if grades < 2 else 1 - ((one - other) / (grades - 1)) ** 2


def _kappa(units: Ratings, grades: int) -> float | None:
    pairs = [(unit[0], unit[1]) for unit in units if unit[0] is not None and unit[1] is not None]
    if not pairs:
        return None
    observed = fmean(_closeness(one, other, grades) for one, other in pairs)
    firsts = Counter(one for one, _ in pairs)
    seconds = Counter(other for _, other in pairs)
    expected = sum(
        _closeness(one, other, grades) * firsts[one] * seconds[other] / len(pairs) ** 2
        for one in firsts
        for other in seconds
    )
    return None if expected == 1 else (observed - expected) / (1 - expected)


def _ac2(units: Ratings, grades: int) -> float | None:
    if not units or grades < 2:
        return None
    counts = [Counter(_given(unit)) for unit in units]
    pairs = [_agreement_within(count, grades) for count in counts if count.total() >= 2]
    if not pairs:
        return None
    observed = fmean(pairs)
    shares = [fmean(count[grade] / count.total() for count in counts) for grade in range(grades)]
    weights = sum(_closeness(one, other, grades) for one in range(grades) for other in range(grades))
    expected = weights / (grades * (grades - 1)) * sum(share * (1 - share) for share in shares)
    return (observed - expected) / (1 - expected)


def _agreement_within(count: Counter[int], grades: int) -> float:
    """The weighted share of pairs of raters of one unit that agree."""
    raters = count.total()
    pairs = sum(
        given * (sum(_closeness(grade, other, grades) * also for other, also in count.items()) - 1)
        for grade, given in count.items()
    )
    return pairs / (raters * (raters - 1))


def _alpha(units: Ratings, metric: str) -> float | None:
    values = [_given(unit) for unit in units if len(_given(unit)) >= 2]
    totals = Counter(given for unit in values for given in unit)
    if len(totals) < 2:
        return None
    distance = _distances(totals, metric)
    observed = sum(sum(distance(one, other) for one in unit for other in unit) / (len(unit) - 1) for unit in values)
    expected = sum(totals[one] * totals[other] * distance(one, other) for one in totals for other in totals) / (
        totals.total() - 1
    )
    return 1 - observed / expected


def _distances(totals: Counter[int], metric: str) -> Callable[[int, int], float]:
    """The squared difference function of a level of measurement."""

    def ordinal(one: int, other: int) -> float:
        low, high = min(one, other), max(one, other)
        between = sum(count for value, count in totals.items() if low <= value <= high)
        return (between - (totals[low] + totals[high]) / 2) ** 2

    return {
        "nominal": lambda one, other: float(one != other),
        "ordinal": ordinal,
        "interval": lambda one, other: float((one - other) ** 2),
        "ratio": lambda one, other: 0.0 if one == other else ((one - other) / (one + other)) ** 2,
    }[metric]
