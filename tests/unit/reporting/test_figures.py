"""Every figure against a history small enough to count on one's fingers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from services.reporting.domain.facts import ThemeFact
from services.reporting.domain.figures import FIGURES, Figure, by_theme, compute
from shared.events import (
    ActionReopened,
    AuditCompleted,
    AuditWithdrawn,
    CaseSampled,
    ChallengeAnswered,
    EpisodeKind,
    Event,
    LoopReopened,
    SiblingsConfirmed,
    SiblingsParted,
    VerificationChecked,
)
from shared.statistics import wilson
from tests.unit.reporting.histories import (
    MORNING,
    PROGRAMME,
    a_closed_loop,
    an_action,
    an_amendment,
    an_audit,
    an_id,
    facts_of,
)

BEFORE_DUE = datetime(2026, 11, 10, 16, 59, tzinfo=UTC)
AFTER_DUE = datetime(2026, 11, 10, 17, 1, tzinfo=UTC)


def figures(events: list[Event], at: datetime = AFTER_DUE) -> dict[str, Figure]:
    return compute(facts_of(events, at))


def audits(count: int, **about: object) -> list[Event]:
    return [event for number in range(count) for event in an_audit(number, **about)]  # type: ignore[arg-type]


def test_an_empty_programme_has_noughts_and_no_rates() -> None:
    seen = figures([])
    assert {figure.value for figure in seen.values() if figure.unit == "count"} == {0}
    assert {figure.value for figure in seen.values() if figure.unit != "count"} == {None}


def test_audits_count_by_where_they_stand_and_how_they_are_rated() -> None:
    events = [*an_audit(1, rag="red"), *an_audit(2, rag="green"), *an_audit(3)[:2], *an_audit(4)[:1]]
    seen = figures(events)
    assert seen["cases_sampled"].value == 4
    assert seen["audits_waiting"].value == 2
    assert seen["audits_completed"].value == 2
    assert (seen["audits_red"].value, seen["audits_amber"].value, seen["audits_green"].value) == (1, 0, 1)


def test_a_case_withdrawn_before_its_audit_counts_nowhere() -> None:
    withdrawn = AuditWithdrawn(occurred_at=MORNING, version=3, audit_id=an_id("audit", 1))
    seen = figures([*an_audit(1)[:2], withdrawn])
    assert (seen["cases_sampled"].value, seen["audits_waiting"].value) == (0, 0)


def test_an_amended_audit_counts_once_with_its_new_grade_and_its_first_day() -> None:
    seen = figures([*an_audit(1, rag="red"), an_amendment(1, "green")])
    assert (seen["audits_completed"].value, seen["audits_red"].value, seen["audits_green"].value) == (1, 0, 1)
    assert seen["age_audited"].value == 4


def test_near_live_is_seven_days_and_leaves_out_what_was_chosen_by_hand() -> None:
    drawn = [event for number, age in enumerate([0] * 8 + [7, 8]) for event in an_audit(number, age=age)]
    seen = figures([*drawn, *an_audit(99, age=90, by_hand=True)])
    assert (seen["near_live"].part, seen["near_live"].of, seen["near_live"].value) == (9, 10, 0.9)
    assert seen["age_sampled"].of == 10
    assert (seen["age_sampled"].value, seen["age_audited"].value) == (0, 1)


def test_what_was_open_when_it_was_drawn_has_no_age_and_is_neither_near_live_nor_late() -> None:
    finished = [event for number in range(10) for event in an_audit(number, age=3)]
    open_cases = [
        structs.replace(event, kind=kind) if isinstance(event, CaseSampled | AuditCompleted) else event
        for number, kind in enumerate(EpisodeKind, start=50)
        for event in an_audit(number, age=0)
    ]
    alone, together = figures(finished), figures([*finished, *open_cases])
    for name in ("near_live", "age_sampled", "age_audited"):
        assert (together[name].of, together[name].value) == (alone[name].of, alone[name].value)
    assert together["cases_sampled"].value == 15


def test_siblings_count_as_one_for_how_sure_a_share_is_and_each_for_itself_in_the_share() -> None:
    def drawn(**families: str) -> list[Event]:
        events = [event for number in range(20) for event in an_audit(number, age=3 if number < 16 else 9)]
        named = {an_id("audit", int(number[1:])): family for number, family in families.items()}
        return [
            structs.replace(event, family_key=named.get(event.audit_id)) if isinstance(event, CaseSampled) else event
            for event in events
        ]

    apart = figures(drawn())["near_live"]
    pairs = figures(drawn(**{f"n{number}": f"family {number // 2}" for number in range(20)}))["near_live"]
    assert (apart.part, apart.of, apart.value) == (pairs.part, pairs.of, pairs.value) == (16, 20, 0.8)
    ten = wilson(8, 10)
    assert (pairs.low, pairs.high) == (ten.low, ten.high)
    assert apart.low is not None and pairs.low is not None and pairs.low < apart.low  # noqa: PT018


def test_an_auditors_word_makes_a_family_and_takes_it_back() -> None:
    confirmed = [
        SiblingsConfirmed(
            occurred_at=MORNING, version=9, audit_id=an_id("audit", number), family_key="confirmed:1", by="auditor-1"
        )
        for number in range(2)
    ]
    parted = SiblingsParted(occurred_at=MORNING, version=10, audit_id=an_id("audit", 1), by="auditor-1")
    apart, together = figures(audits(10))["near_live"], figures([*audits(10), *confirmed])["near_live"]
    again = figures([*audits(10), *confirmed, parted])["near_live"]
    assert (apart.low, again.low) == (again.low, apart.low)
    assert together.low != apart.low


def test_there_is_no_rate_below_ten() -> None:
    nine = figures(audits(9))["near_live"]
    assert (nine.part, nine.of, nine.value, nine.low) == (9, 9, None, None)
    assert figures(audits(10))["near_live"].value == 1


def test_an_open_action_is_overdue_from_the_moment_its_due_time_has_passed() -> None:
    events = an_action(1, until="raised")
    assert figures(events, BEFORE_DUE)["actions_overdue"].value == 0
    assert figures(events, AFTER_DUE)["actions_overdue"].value == 1


def test_an_action_reported_waits_for_verification_and_is_not_overdue() -> None:
    seen = figures(an_action(1, until="reported"))
    assert (seen["actions_open"].value, seen["actions_reported"].value, seen["actions_overdue"].value) == (0, 1, 0)


def test_an_action_returned_is_open_again() -> None:
    seen = figures(an_action(1, until="returned"))
    assert (seen["actions_open"].value, seen["actions_reported"].value, seen["actions_overdue"].value) == (1, 0, 1)


def test_timeliness_counts_the_late_and_the_still_open_against_the_first_due_date() -> None:
    events = [event for number in range(8) for event in an_action(number, in_time=number < 6)]
    events += an_action(8, until="raised") + an_action(9, until="raised") + an_action(10, until="reported")
    in_time = figures(events)["actions_in_time"]
    assert (in_time.part, in_time.of, in_time.value) == (6, 10, 0.6)
    assert figures(events, BEFORE_DUE)["actions_in_time"].of == 8


def test_what_was_reported_late_stays_late_while_it_waits_to_be_verified() -> None:
    late = an_action(1, until="reported")
    late[-1] = structs.replace(late[-1], occurred_at=AFTER_DUE)
    in_time = figures([*late, *an_action(2, until="reported"), *an_action(3)])["actions_in_time"]
    assert (in_time.part, in_time.of) == (1, 2)


def test_extensions_stand_beside_timeliness() -> None:
    assert figures(an_action(1))["actions_extended"].value == 1
    assert figures(an_action(1, until="raised"))["actions_extended"].value == 0


def reopened(number: int, because: str) -> Event:
    return LoopReopened(occurred_at=MORNING, version=2, audit_id=an_id("audit", number), days=90, because=because)


def test_a_loop_counts_when_closed_and_again_when_it_did_not_hold() -> None:
    seen = figures([a_closed_loop(1), a_closed_loop(2), reopened(1, "enquiry")])
    assert (seen["loops_closed"].value, seen["loops_not_held"].value, seen["loop_days"].value) == (2, 1, 4)


def test_a_loop_of_which_an_action_is_asked_for_again_is_open_and_has_not_failed() -> None:
    seen = figures([a_closed_loop(1), reopened(1, "reopened")])
    assert (seen["loops_closed"].value, seen["loops_not_held"].value) == (0, 0)


def test_an_action_asked_for_again_is_open_with_its_new_date() -> None:
    again = ActionReopened(
        occurred_at=MORNING,
        version=7,
        audit_id=an_id("audit", 1),
        action_id=an_id("action", 1),
        by="qa-1",
        due_on=AFTER_DUE.date(),
        due_at=AFTER_DUE + timedelta(days=5),
    )
    seen = figures([*an_action(1), again])
    assert (seen["actions_open"].value, seen["actions_verified"].value, seen["actions_overdue"].value) == (1, 0, 0)


def test_the_share_of_challenges_upheld_and_of_verifications_that_held_are_visible() -> None:
    events = [event for number in range(10) for event in (*an_audit(number), *an_action(number))]
    for number in range(10):
        events.append(
            ChallengeAnswered(
                occurred_at=MORNING,
                version=5,
                audit_id=an_id("audit", number),
                upheld=number < 4,
                answered_by="moderator-1",
                challenge_id=an_id("challenge", number),
                finding_id=an_id("finding", number),
            )
        )
        about = {"audit_id": an_id("audit", number), "action_id": an_id("action", number)}
        events.append(VerificationChecked(occurred_at=MORNING, version=7, by="qa-1", upheld=number < 9, **about))
    seen = figures(events)
    assert (seen["challenges_upheld"].part, seen["challenges_upheld"].of) == (4, 10)
    assert (seen["verifications_upheld"].value, seen["verifications_upheld"].of) == (0.9, 10)


def test_themes_stand_in_the_programmes_order_against_their_targets() -> None:
    themes = [ThemeFact(PROGRAMME, "risk", "Risk", 5), ThemeFact(PROGRAMME, "neglect", "Neglect", 12, arrivals=24)]
    events = [event for number in range(12) for event in an_audit(number, rag="red" if number < 6 else "green")]
    risk, neglect = by_theme(facts_of(events, AFTER_DUE, themes))
    assert (risk.name, risk.completed, risk.left, risk.interval) == ("Risk", 0, 5, None)
    assert (neglect.completed, neglect.red, neglect.green, neglect.left) == (12, 6, 6, 0)
    assert neglect.interval is not None
    assert 0.3 < neglect.interval.low < 0.5 < neglect.interval.high < 0.7


@pytest.mark.parametrize("definition", FIGURES.values(), ids=FIGURES)
def test_every_figure_says_what_it_is_in_whole_sentences(definition: object) -> None:
    says = getattr(definition, "says", "")
    assert says.endswith(".")
    assert len(says) > 30
