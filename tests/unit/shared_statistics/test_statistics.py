"""The published checks of every statistic that a figure rests on."""

from __future__ import annotations

import pytest

from shared.statistics import (
    ControlLimits,
    Interval,
    SpecialCause,
    control_limits,
    design_effect,
    gwet_ac2,
    krippendorff_alpha,
    quadratic_weighted_kappa,
    sample_size,
    special_causes,
    spread,
    wilson,
)

KRIPPENDORFF_2011 = (
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)
MADE_TO_COUNT = [1, 2, 1, 2, 10, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1]


def units() -> list[list[int | None]]:
    """Krippendorff's table turned: a row for each unit."""
    raters = [[None if mark == "." else int(mark) for mark in row.split()] for row in KRIPPENDORFF_2011]
    return [list(unit) for unit in zip(*raters, strict=True)]


def rounded(interval: Interval) -> tuple[float, float]:
    return round(interval.low, 4), round(interval.high, 4)


def test_clusters_widen_an_interval_by_as_much_as_their_members_are_alike_at_most() -> None:
    assert design_effect([1] * 20) == design_effect([]) == 1
    assert design_effect([2] * 10) == 2
    assert design_effect([3, 1, 1, 1]) == pytest.approx(12 / 6)
    assert wilson(16, 20, effect=2) == wilson(8, 10)
    assert rounded(wilson(81, 263, effect=1)) == (0.2553, 0.3662)


def test_wilson_gives_the_published_intervals() -> None:
    assert rounded(wilson(81, 263)) == (0.2553, 0.3662)
    assert rounded(wilson(0, 20)) == (0.0, 0.1611)


def test_a_known_population_narrows_the_interval_and_a_census_has_none() -> None:
    free, bound = wilson(20, 60), wilson(20, 60, population=100)
    assert free.low < bound.low < 20 / 60 < bound.high < free.high
    assert wilson(20, 60, population=60) == Interval(1 / 3, 1 / 3)


@pytest.mark.parametrize("trials", [1, 2, 7, 40])
def test_an_interval_holds_its_proportion_and_stays_within_nought_and_one(trials: int) -> None:
    for successes in range(trials + 1):
        interval = wilson(successes, trials)
        assert 0 <= interval.low <= successes / trials <= interval.high <= 1


def test_the_sample_for_five_hundred_cases_is_217() -> None:
    assert sample_size(500, 0.05) == 217


def test_the_median_and_quartiles_are_those_of_a_spreadsheet() -> None:
    known = spread([7, 1, 3, 5])
    assert known is not None
    assert (known.count, known.lower, known.median, known.upper) == (4, 2.5, 4.0, 5.5)
    assert spread([]) is None


def test_control_limits_are_those_published_by_making_data_count() -> None:
    every = control_limits(MADE_TO_COUNT)
    most = control_limits(MADE_TO_COUNT, without_outlying_ranges=True)
    assert every is not None
    assert most is not None
    assert (round(every.mean, 2), round(every.upper, 2), round(every.lower, 2)) == (1.94, 6.95, -3.06)
    assert (round(most.mean, 2), round(most.upper, 2), round(most.lower, 2)) == (1.94, 4.60, -0.72)
    assert not every.provisional


def test_limits_of_few_points_are_provisional_and_of_one_are_none() -> None:
    few = control_limits([3, 4, 3, 5])
    assert few is not None
    assert few.provisional
    assert control_limits([3]) is None


def causes(values: list[float], rule: str) -> list[tuple[int, ...]]:
    limits = control_limits(values)
    assert limits is not None
    return [cause.points for cause in special_causes(values, limits) if cause.rule == rule]


def test_a_point_outside_the_limits_is_a_special_cause() -> None:
    assert causes([float(value) for value in MADE_TO_COUNT], "outside") == [(4,)]


def test_seven_on_one_side_are_a_run_and_six_are_not() -> None:
    base = [1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0]
    assert causes([*base, 0.5, 0.6, 0.5, 0.6, 0.5, 0.6, -3.6], "run") == []
    assert causes([*base, 0.5, 0.6, 0.5, 0.6, 0.5, 0.6, 0.5, -4.1], "run") == [(8, 9, 10, 11, 12, 13, 14)]


def test_seven_rising_points_are_a_trend_and_six_are_not() -> None:
    assert causes([5.0, 1, 2, 3, 4, 5, 6, 2], "trend") == []
    assert causes([5.0, 1, 2, 3, 4, 5, 6, 7, 2], "trend") == [(1, 2, 3, 4, 5, 6, 7)]


def test_two_of_three_near_one_limit_are_a_special_cause() -> None:
    limits = ControlLimits(mean=0, lower=-3, upper=3, provisional=False)
    near = SpecialCause("near a limit", (1, 3))
    assert special_causes([0, 2.5, 0, 2.5, 0], limits) == [near]
    assert special_causes([0, 2.5, 0, -2.5, 0], limits) == []
    assert special_causes([0, 2.5, 0, 0, 2.5], limits) == []


@pytest.mark.parametrize(
    ("metric", "expected"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_alpha_is_the_published_one_on_every_level_of_measurement(metric: str, expected: float) -> None:
    alpha = krippendorff_alpha(units(), metric=metric)
    assert alpha is not None
    assert round(alpha.value, 3) == expected
    assert alpha.units == 11
    assert alpha.interval is not None
    assert alpha.interval.low < alpha.value < alpha.interval.high


def test_kappa_weighs_a_near_miss_less_than_a_far_one() -> None:
    near = quadratic_weighted_kappa([(0, 0), (1, 1), (2, 2), (1, 2)], 3)
    far = quadratic_weighted_kappa([(0, 0), (1, 1), (2, 2), (0, 2)], 3)
    assert near is not None
    assert far is not None
    assert 0 < far.value < near.value < 1


def test_kappa_of_perfect_agreement_is_one_and_of_a_single_grade_undefined() -> None:
    perfect = quadratic_weighted_kappa([(0, 0), (1, 1), (2, 2)], 3)
    assert perfect is not None
    assert perfect.value == 1
    assert quadratic_weighted_kappa([(1, 1), (1, 1)], 3) is None


def test_ac2_stays_high_where_kappa_collapses_because_nearly_all_cases_have_one_grade() -> None:
    """The prevalence paradox: 46 of 50 pairs agree, kappa says no better than chance."""
    ratings = [(1, 1)] * 46 + [(1, 0)] * 2 + [(0, 1)] * 2
    kappa, ac2 = quadratic_weighted_kappa(ratings, 2), gwet_ac2(ratings, 2)
    assert kappa is not None
    assert ac2 is not None
    assert kappa.value < 0
    assert ac2.value == pytest.approx((0.92 - 2 * 0.96 * 0.04) / (1 - 2 * 0.96 * 0.04))


def test_agreement_on_nothing_is_not_a_figure() -> None:
    assert krippendorff_alpha([(1, None), (None, 2)]) is None
    assert gwet_ac2([], 3) is None
    assert quadratic_weighted_kappa([], 3) is None
