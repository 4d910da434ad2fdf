"""The draw: near-live, exact and fair at once, shown on the pure rules."""

from __future__ import annotations

import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

import pytest

from services.audit.domain import sampling
from services.audit.domain.sampling import Need, Outcome, ThemeWeek, Waiting
from tests.unit.audit.council import identity

SEED = b"a seed that nobody outside the programme knows"


def week(want: int = 10, threshold: float = 0.5, limit: int | None = 100, done: int = 0) -> ThemeWeek:
    return ThemeWeek(week=1, want=want, threshold=threshold, expected=20, limit=limit, done=done)


def test_a_priority_is_the_same_for_everybody_who_holds_the_seed() -> None:
    assert sampling.priority(SEED, UUID(int=7)) == sampling.priority(SEED, UUID(int=7))
    assert sampling.priority(SEED, UUID(int=7)) != sampling.priority(b"another", UUID(int=7))


def test_priorities_spread_evenly_over_nought_to_one() -> None:
    tenths = Counter(int(sampling.priority(SEED, identity(number)) * 10) for number in range(20_000))
    assert set(tenths) == set(range(10))
    assert all(1_800 < count < 2_200 for count in tenths.values())


def test_a_programme_of_386_audits_wants_its_whole_target_in_its_last_week() -> None:
    for target in (87, 63, 105, 65, 66):
        wants = [sampling.cumulative_target(target, each, 12) for each in range(1, 13)]
        assert wants == sorted(wants)
        assert wants[-1] == target


def test_shortfall_and_overshoot_carry_over_into_the_next_want() -> None:
    assert sampling.want(120, 2, 12, done=10) == 10
    assert sampling.want(120, 2, 12, done=4) == 16
    assert sampling.want(120, 2, 12, done=13) == 7
    assert sampling.want(120, 2, 12, done=25) == 0


def test_expected_arrivals_are_learned_from_the_last_four_weeks() -> None:
    assert sampling.expected_arrivals([], 60) == 60
    assert sampling.expected_arrivals([10, 20], 60) == 15
    assert sampling.expected_arrivals([1000, 10, 10, 10, 10], 60) == 10


@pytest.mark.parametrize(
    ("wanted", "expected", "threshold"), [(0, 60, 0.0), (15, 60, 0.25), (60, 60, 1.0), (70, 60, 1.0), (3, 0, 1.0)]
)
def test_the_threshold_is_want_over_expected_and_at_most_one(wanted: int, expected: float, threshold: float) -> None:
    assert sampling.threshold(wanted, expected, 100, ending=False) == pytest.approx(threshold)


@pytest.mark.parametrize(("wanted", "expected", "remaining"), [(15, 60, 15), (7, 21.75, 15), (2, 60, 2), (30, 33, 30)])
def test_towards_the_end_three_deviations_too_many_still_keep_within_the_target(
    wanted: int, expected: float, remaining: int
) -> None:
    share = sampling.threshold(wanted, expected, remaining, ending=True)
    assert 0 < share <= wanted / expected
    assert expected * share + 3 * (expected * share * (1 - share)) ** 0.5 <= remaining + 1e-9


def test_which_weeks_are_the_last_three() -> None:
    assert [sampling.is_ending(each, 12) for each in (9, 10, 12)] == [False, True, True]


def test_a_case_below_the_threshold_is_drawn_the_moment_it_comes() -> None:
    after, outcome = week().arrive(0.49)
    assert outcome == Outcome.DRAWN
    assert (after.arrivals, after.drawn, after.done, after.sequence) == (1, 1, 1, 1)
    after, outcome = after.arrive(0.5)
    assert outcome == Outcome.NOT_DRAWN
    assert (after.arrivals, after.drawn, after.done, after.sequence) == (2, 1, 1, 2)


def test_a_full_theme_draws_nothing_more_and_says_that_order_mattered() -> None:
    after, outcome = week(limit=5, done=5).arrive(0.1)
    assert outcome == Outcome.NOT_DRAWN
    assert after.capped
    above, _ = week(limit=5, done=5).arrive(0.9)
    assert not above.capped


def test_a_programme_that_may_pass_its_targets_goes_on_drawing() -> None:
    _, outcome = week(limit=None, done=500).arrive(0.1)
    assert outcome == Outcome.DRAWN


def test_the_close_fills_up_to_what_the_week_wants_and_never_past_the_target() -> None:
    assert week(want=10).wanting == 10
    assert week(want=10, limit=3, done=0).wanting == 3
    assert week(want=10, limit=3, done=3).wanting == 0
    assert week(want=0).wanting == 0


def test_siblings_share_a_priority_and_fill_in_the_order_in_which_they_came() -> None:
    first, second, other = UUID(int=9), UUID(int=1), UUID(int=5)
    waiting = [Waiting(second, 0.6, 2), Waiting(other, 0.7, 3), Waiting(first, 0.6, 1)]
    assert [each.assessment_id for each in sampling.lowest(waiting)] == [first, second, other]


def test_a_case_counts_towards_the_theme_that_is_furthest_behind() -> None:
    needs = [Need("risk", 10, 65), Need("repeat-section-47", 5, 66)]
    assert sampling.assign(needs, SEED, UUID(int=1)) == "repeat-section-47"


def test_equally_needy_themes_share_cases_by_the_hash() -> None:
    needs = [Need("risk", 0, 65), Need("neglect", 0, 105)]
    shares = Counter(sampling.assign(needs, SEED, identity(number)) for number in range(2_000))
    assert 900 < shares["risk"] < 1_100


def test_which_theme_a_case_gets_says_nothing_about_its_priority() -> None:
    needs = [Need("risk", 0, 65), Need("neglect", 0, 105)]
    ids = [identity(number) for number in range(4_000)]
    risk = [sampling.priority(SEED, each) for each in ids if sampling.assign(needs, SEED, each) == "risk"]
    assert sum(risk) / len(risk) == pytest.approx(0.5, abs=0.025)


def test_weeks_of_a_programme_are_counted_from_its_first_day() -> None:
    monday = date(2026, 11, 23)
    assert sampling.week_of(monday, monday) == 1
    assert sampling.week_of(date(2026, 11, 29), monday) == 1
    assert sampling.week_of(date(2026, 11, 30), monday) == 2
    assert sampling.week_opens_on(2, monday) == date(2026, 11, 30)


@dataclass
class Run:
    """A whole theme from its first week to its last, with what was drawn and when."""

    target: int
    arrivals_a_week: float
    weeks: int = 12
    done: int = 0
    on_arrival: int = 0
    in_sample: list[tuple[UUID, int]] = field(default_factory=list)
    arrived: list[tuple[UUID, int]] = field(default_factory=list)
    """Each with the tenth of its week."""
    left_waiting: int = 0
    """Cases of the last week that were not drawn: none means that supply ran out."""

    def play(self, seed: bytes, rng: random.Random) -> Run:
        history: list[int] = []
        for number in range(1, self.weeks + 1):
            arrivals = max(0, round(rng.gauss(self.arrivals_a_week, self.arrivals_a_week**0.5)))
            self._week(number, sampling.expected_arrivals(history, self.arrivals_a_week), arrivals, seed, rng)
            history.append(arrivals)
        return self

    def _week(self, number: int, expected: float, arrivals: int, seed: bytes, rng: random.Random) -> None:
        want = sampling.want(self.target, number, self.weeks, self.done)
        ending = sampling.is_ending(number, self.weeks)
        threshold = sampling.threshold(want, expected, self.target - self.done, ending=ending)
        state = ThemeWeek(number, want, threshold, expected, self.target, self.done)
        waiting: dict[UUID, tuple[Waiting, int]] = {}
        for place in range(arrivals):
            assessment_id = UUID(int=rng.getrandbits(128))
            tenth = place * 10 // max(arrivals, 1)
            self.arrived.append((assessment_id, tenth))
            unit_priority = sampling.priority(seed, assessment_id)
            state, outcome = state.arrive(unit_priority)
            if outcome == Outcome.DRAWN:
                self.on_arrival += 1
                self.in_sample.append((assessment_id, tenth))
            else:
                waiting[assessment_id] = (Waiting(assessment_id, unit_priority, state.sequence), tenth)
        for case in sampling.lowest(each for each, _ in waiting.values())[: state.wanting]:
            state = state.add()
            self.in_sample.append((case.assessment_id, waiting[case.assessment_id][1]))
        self.done, self.left_waiting = state.done, arrivals - state.drawn


def tell(capsys: pytest.CaptureFixture[str], figure: str) -> None:
    """Put a figure into the output of the run, where whoever must be convinced can read it."""
    with capsys.disabled():
        sys.stdout.write(f"\n{figure}\n")


BRIEFING = {"assessment team": (87, 60.0), "front door": (63, 40.0), "risk": (65, 12.0), "neglect": (105, 14.0)}


@pytest.mark.parametrize("theme", BRIEFING)
def test_targets_are_met_exactly_unless_the_last_week_runs_out_of_cases(theme: str) -> None:
    target, arrivals = BRIEFING[theme]
    rng = random.Random(7)
    runs = [Run(target, arrivals).play(rng.randbytes(32), rng) for _ in range(100)]
    assert all(run.done == target or run.left_waiting == 0 for run in runs)
    assert sum(run.done == target for run in runs) >= 0.9 * len(runs)


def test_a_target_is_never_passed_however_short_or_plentiful_the_supply() -> None:
    rng = random.Random(8)
    for arrivals in (2.0, 6.5, 30.0, 200.0):
        for _ in range(15):
            assert Run(66, arrivals).play(rng.randbytes(32), rng).done <= 66


def test_at_least_seventy_in_a_hundred_are_drawn_on_arrival_at_three_times_the_target(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rng = random.Random(9)
    runs = [Run(87, 3 * 87 / 12).play(rng.randbytes(32), rng) for _ in range(200)]
    share = sum(run.on_arrival for run in runs) / sum(run.done for run in runs)
    tell(capsys, f"drawn on arrival at three times the target: {share:.1%}")
    assert share >= 0.70


CHI_SQUARE_1_PERCENT = {9: 21.666, 11: 24.725, 29: 49.588}
"""Upper 1% points of the chi-square distribution, by degrees of freedom."""


def chi_square(in_sample: Counter[int], arrived: Counter[int]) -> float:
    """How far the drawn of each group are from their share of the arrivals, against draws without replacement.

    The statistic for a fixed sampling fraction f is scaled by 1 - f: a high fraction leaves less to chance.
    """
    fraction = in_sample.total() / arrived.total()
    expected = {group: count * fraction for group, count in arrived.items()}
    return sum((in_sample[group] - expected[group]) ** 2 / expected[group] for group in arrived) / (1 - fraction)


@pytest.mark.parametrize(("by", "groups"), [("team", 12), ("practitioner", 30), ("tenth of the week", 10)])
def test_being_drawn_does_not_depend_on_team_practitioner_or_time_of_the_week(
    by: str, groups: int, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(10)
    drawn: Counter[int] = Counter()
    arrived: Counter[int] = Counter()
    for _ in range(500):
        run = Run(20, 10.0, weeks=6).play(rng.randbytes(32), rng)
        group_of = {case: tenth if by.startswith("tenth") else case.int % groups for case, tenth in run.arrived}
        arrived.update(group_of.values())
        drawn.update(group_of[case] for case, _ in run.in_sample)
    statistic = chi_square(drawn, arrived)
    limit = CHI_SQUARE_1_PERCENT[groups - 1]
    tell(capsys, f"chi-square over {by}, 500 seeds: {statistic:.2f}, limit at 1%: {limit}")
    assert statistic < limit


def test_drawing_first_come_would_be_caught_by_the_same_statistic() -> None:
    arrived: Counter[int] = Counter(dict.fromkeys(range(10), 3_000))
    first_come = Counter({tenth: 1_500 if tenth < 3 else 800 for tenth in range(10)})
    assert chi_square(first_come, arrived) > CHI_SQUARE_1_PERCENT[9]
