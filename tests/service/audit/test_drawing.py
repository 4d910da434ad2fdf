"""Drawing on real PostgreSQL: decisions in sequence under the row lock, weeks that close, corrections, withdrawals."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine

from services.audit import sampling
from services.audit.domain.sampling import Outcome
from services.audit.domain.themes import Ineligible
from services.audit.models import AuditState, Flag
from shared.db import sessions
from shared.events import (
    AssessmentRecorded,
    AssessmentWithdrawn,
    AuditWithdrawn,
    CaseAllocated,
    CaseSampled,
    DrawsDecided,
    Kind,
    ProgrammeClosed,
    ThemeWeekClosed,
    ThemeWeekOpened,
)
from tests.service.audit.playing import (
    MORNING,
    arrive,
    audits,
    day_opens,
    decisions,
    done,
    monday,
    of_type,
    open_briefing,
)
from tests.support.eventually import eventually
from tests.unit.audit.council import OPENS_ON, case, identity, source


def assessments(count: int, start: int = 0) -> list[AssessmentRecorded]:
    return [case(f"assessment {number}", worker_id=f"worker-{number % 7}") for number in range(start, start + count)]


async def test_work_that_arrives_is_decided_in_sequence_and_what_is_drawn_stands_in_an_inbox(
    engine: AsyncEngine,
) -> None:
    await open_briefing(engine)
    happened = await arrive(engine, *assessments(60))
    decided = of_type(happened, DrawsDecided)[0]
    assert [each.sequence for each in decided.decisions] == list(range(1, 61))
    drawn = {each.assessment_id for each in decided.decisions if each.outcome == "drawn"}
    assert 1 <= len(drawn) <= 20
    assert {sampled.assessment_id for sampled in of_type(happened, CaseSampled)} == drawn
    assert len(of_type(happened, CaseAllocated)) == len(drawn)
    assert {audit.state for audit in await audits(engine)} == {AuditState.ALLOCATED}


async def test_a_case_arrives_in_the_inbox_of_the_auditor_with_the_least_to_do(engine: AsyncEngine) -> None:
    await open_briefing(engine)
    await arrive(engine, *assessments(120))
    load = Counter(audit.auditor_id for audit in await audits(engine))
    assert set(load) == {"auditor-1", "auditor-2", "auditor-3", "auditor-4"}
    assert max(load.values()) - min(load.values()) <= 1


async def test_a_redelivered_batch_decides_and_opens_nothing_more(engine: AsyncEngine) -> None:
    await open_briefing(engine)
    batch = assessments(60)
    await arrive(engine, *batch)
    before = [audit.audit_id for audit in await audits(engine)]
    assert await arrive(engine, *batch) == []
    assert [audit.audit_id for audit in await audits(engine)] == before


async def test_the_week_closes_with_what_it_wants_and_the_weight_of_its_cases(engine: AsyncEngine) -> None:
    await open_briefing(engine)
    await arrive(engine, *assessments(60))
    happened = await day_opens(engine, monday(2))
    closed = next(each for each in of_type(happened, ThemeWeekClosed) if each.theme_id == "assessment-team")
    assert closed.arrivals == 60
    assert closed.drawn >= 8
    assert closed.weight == pytest.approx(60 / closed.drawn)
    opened = next(each for each in of_type(happened, ThemeWeekOpened) if each.theme_id == "assessment-team")
    assert opened.week == 2
    assert opened.want == max(0, 15 - closed.drawn)
    assert opened.expected == 60
    assert (await done(engine))["assessment-team"] == closed.drawn


async def test_the_lowest_priorities_fill_the_week(engine: AsyncEngine) -> None:
    await open_briefing(engine, source().replace("expected_a_week: 60", "expected_a_week: 1000"))
    await arrive(engine, *assessments(60))
    await day_opens(engine, monday(2))
    rows = sorted(
        (row for row in await decisions(engine) if row.priority is not None), key=lambda row: row.priority or 0
    )
    outcomes = [row.outcome for row in rows]
    assert all(outcome in {Outcome.DRAWN, Outcome.FILLED} for outcome in outcomes[:8])
    assert set(outcomes[8:]) == {Outcome.NOT_DRAWN}


async def test_a_day_that_opens_twice_closes_no_week_twice(engine: AsyncEngine) -> None:
    await open_briefing(engine)
    await arrive(engine, *assessments(60))
    await day_opens(engine, monday(2))
    assert await day_opens(engine, monday(2)) == []


async def test_a_case_outside_the_near_live_window_is_no_candidate(engine: AsyncEngine) -> None:
    await open_briefing(engine)
    old = case("old", authorised_on=OPENS_ON - timedelta(days=8))
    edge = case("edge", authorised_on=OPENS_ON - timedelta(days=7))
    await arrive(engine, old, edge)
    reasons = {row.assessment_id: row.reason for row in await decisions(engine)}
    assert reasons == {old.assessment_id: Ineligible.TOO_OLD, edge.assessment_id: None}


async def test_a_contact_without_a_decision_is_counted_and_never_drawn(engine: AsyncEngine) -> None:
    await open_briefing(engine)
    undecided = case("contact", kind=Kind.CONTACT, team_id=None, decided=False)
    decided = case("decided contact", kind=Kind.CONTACT, team_id=None)
    await arrive(engine, undecided, decided)
    rows = {row.assessment_id: row for row in await decisions(engine)}
    assert rows[undecided.assessment_id].reason == Ineligible.UNDECIDED
    assert rows[decided.assessment_id].theme_id == "front-door"


async def test_a_case_of_several_themes_counts_towards_exactly_one(engine: AsyncEngine) -> None:
    await open_briefing(engine)
    many = [
        case(f"many {number}", kind=Kind.ENQUIRY, factors=("16A", "11A"), earlier_enquiries=1) for number in range(60)
    ]
    await arrive(engine, *many)
    themes = Counter(row.theme_id for row in await decisions(engine))
    assert sum(themes.values()) == 60
    assert set(themes) <= {"neglect", "risk", "repeat-section-47"}
    assert len(themes) == 3


async def test_a_child_audited_within_twelve_months_is_left_alone_but_for_repeat_enquiries(
    engine: AsyncEngine,
) -> None:
    await open_briefing(engine, source().replace("expected_a_week: 60", "expected_a_week: 7.25"))
    child = identity("one child")
    await arrive(engine, case("first", child_id=child))
    assert len(await audits(engine)) == 1
    again = case("again", child_id=child)
    repeat = case("repeat", kind=Kind.ENQUIRY, child_id=child, earlier_enquiries=1)
    await arrive(engine, again, repeat)
    rows = {row.assessment_id: row for row in await decisions(engine)}
    assert rows[again.assessment_id].reason == Ineligible.AUDITED
    assert rows[repeat.assessment_id].theme_id == "repeat-section-47"


async def test_two_cases_of_one_child_in_one_batch_give_one_audit(engine: AsyncEngine) -> None:
    await open_briefing(engine, source().replace("expected_a_week: 60", "expected_a_week: 7.25"))
    child = identity("one child")
    await arrive(engine, case("first", child_id=child), case("second", child_id=child))
    assert len(await audits(engine)) == 1


async def test_the_close_passes_over_a_child_whose_other_case_was_drawn(engine: AsyncEngine) -> None:
    await open_briefing(engine, source().replace("expected_a_week: 60", "expected_a_week: 10000"))
    child = identity("one child")
    await arrive(engine, case("first", child_id=child), case("second", child_id=child))
    await day_opens(engine, monday(2))
    outcomes = Counter(row.outcome for row in await decisions(engine))
    assert outcomes == {Outcome.FILLED: 1, Outcome.EXCLUDED: 1}


async def test_siblings_of_one_day_are_drawn_together_and_read_by_one_auditor(engine: AsyncEngine) -> None:
    await open_briefing(engine)
    families = [
        case(f"family {family} child {child}", family_key=f"family-{family}")
        for family in range(30)
        for child in range(3)
    ]
    await arrive(engine, *families)
    rows = await decisions(engine)
    by_unit: dict[object, set[object]] = {}
    for row in rows:
        by_unit.setdefault(row.unit, set()).add(row.outcome)
    assert len(by_unit) == 30
    assert all(len(outcomes) == 1 for outcomes in by_unit.values())
    readers: dict[object, set[object]] = {}
    for audit in await audits(engine):
        readers.setdefault(audit.family_key, set()).add(audit.auditor_id)
    assert readers
    assert all(len(auditors) == 1 for auditors in readers.values())


async def test_nobody_is_given_their_own_work_or_a_case_in_which_they_have_a_conflict(engine: AsyncEngine) -> None:
    text = source().replace("expected_a_week: 60", "expected_a_week: 7.25")
    text = text.replace(
        "  - person: auditor-2\n    hours_a_week: 30\n",
        "  - person: auditor-2\n    hours_a_week: 30\n    conflicts: {teams: [assessment-north]}\n",
    )
    await open_briefing(engine, text)
    await arrive(engine, *[case(f"own {number}", worker_id="auditor-1") for number in range(8)])
    assert {audit.auditor_id for audit in await audits(engine)} == {"auditor-3", "auditor-4"}


async def test_a_withdrawn_case_leaves_the_sample_and_is_replaced(engine: AsyncEngine) -> None:
    await open_briefing(engine, source().replace("expected_a_week: 60", "expected_a_week: 30"))
    await arrive(engine, *assessments(60))
    before = await audits(engine)
    gone = before[0]
    happened = await arrive(
        engine,
        AssessmentWithdrawn(
            occurred_at=MORNING,
            version=2,
            assessment_id=gone.assessment_id,
            child_id=gone.child_id,
            council="999",
            kind="assessment",
        ),
    )
    assert [each.audit_id for each in of_type(happened, AuditWithdrawn)] == [gone.audit_id]
    after = await audits(engine)
    assert len(after) == len(before)
    assert [audit.outcome for audit in after if audit.audit_id not in {each.audit_id for each in before}] == [
        Outcome.REPLACEMENT
    ]


async def test_a_correction_that_ends_eligibility_marks_a_drawn_case_and_bars_an_undrawn_one(
    engine: AsyncEngine,
) -> None:
    await open_briefing(engine)
    batch = assessments(60)
    await arrive(engine, *batch)
    drawn = {audit.assessment_id for audit in await audits(engine)}
    corrected = [structs.replace(each, version=2, team_id="front-door") for each in batch]
    happened = await arrive(engine, *corrected)
    assert {audit.assessment_id for audit in await audits(engine)} == drawn
    assert {audit.flag for audit in await audits(engine)} == {Flag.INELIGIBLE}
    barred = {each.assessment_id for event in of_type(happened, DrawsDecided) for each in event.decisions}
    assert barred == {each.assessment_id for each in batch} - drawn
    assert not of_type(await day_opens(engine, monday(2)), CaseSampled)


async def test_a_correction_that_creates_eligibility_counts_as_an_arrival_in_the_week_then_open(
    engine: AsyncEngine,
) -> None:
    await open_briefing(engine)
    before = case("late", team_id=None)
    await arrive(engine, before)
    await day_opens(engine, monday(2))
    day = monday(2)
    after = structs.replace(
        before, version=2, team_id="assessment-north", authorised_on=day, occurred_at=MORNING + timedelta(days=7)
    )
    await arrive(engine, after)
    row = (await decisions(engine))[0]
    assert (row.theme_id, row.week, row.sequence) == ("assessment-team", 2, 1)


async def test_a_programme_that_is_over_is_closed_and_draws_nothing_more(engine: AsyncEngine) -> None:
    await open_briefing(engine)
    happened = await day_opens(engine, monday(13))
    assert len(of_type(happened, ProgrammeClosed)) == 1
    await arrive(engine, case("too late", day=monday(13)))
    assert await audits(engine) == []


async def test_work_that_came_while_no_programme_was_open_is_known_all_the_same(engine: AsyncEngine) -> None:
    await arrive(engine, case("early"))
    assert [row.reason for row in await decisions(engine)] == [Ineligible.NO_PROGRAMME]


async def test_work_of_a_summer_night_is_known_under_the_day_that_england_had(engine: AsyncEngine) -> None:
    """It was once put under the day of UTC, an hour behind: the page said that it came the day before."""
    past_midnight = datetime(2026, 7, 2, 23, 30, tzinfo=UTC)
    await arrive(engine, case("at night", occurred_at=past_midnight))
    (row,) = await decisions(engine)
    assert row.decided_on == date(2026, 7, 3)


async def test_two_replicas_with_two_versions_of_one_case_wait_for_each_other_though_no_programme_is_open(
    engine: AsyncEngine,
) -> None:
    """A rebalance may bring the later version to another replica while the first is not committed yet."""
    early = case("early")
    async with sessions(engine)() as session, session.begin():
        await sampling.sample(session, [early])
        other = asyncio.create_task(arrive(engine, structs.replace(early, version=2)))
        await eventually(lambda: _waits(engine))
    await other
    assert [row.reason for row in await decisions(engine)] == [Ineligible.NO_PROGRAMME]


async def _waits(engine: AsyncEngine) -> None:
    query = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    async with engine.connect() as connection:
        assert (await connection.execute(query)).scalar_one() == 1


async def test_two_replicas_at_once_pass_no_target_and_leave_no_gap(engine: AsyncEngine) -> None:
    text = source().replace("target: 87", "target: 12").replace("expected_a_week: 60", "expected_a_week: 20")
    text = text.replace("weeks: 12", "weeks: 1")
    for theme in (105, 66, 65, 63):
        text = text.replace(f"target: {theme}", "target: 5")
    await open_briefing(engine, text)
    rng = random.Random(3)
    work = assessments(200)
    rng.shuffle(work)
    batches = [work[at : at + 5] for at in range(0, 200, 5)]

    async def replica(share: list[list[AssessmentRecorded]]) -> None:
        for batch in share:
            await arrive(engine, *batch)

    # The two halves overlap, as when a partition moves while its batch is still in hand.
    await asyncio.gather(replica(batches[:25]), replica(batches[15:]))
    rows = [row for row in await decisions(engine) if row.theme_id == "assessment-team"]
    assert sorted(row.sequence or 0 for row in rows) == list(range(1, 201))
    assert (await done(engine))["assessment-team"] == len(await audits(engine)) <= 12
    await day_opens(engine, monday(2))
    assert (await done(engine))["assessment-team"] == 12
    assert len({audit.assessment_id for audit in await audits(engine)}) == 12


async def test_twelve_weeks_of_a_council_meet_every_target_exactly(engine: AsyncEngine) -> None:
    """The briefing's 386 audits, from supplies a little above those of its figures."""
    plan = await open_briefing(engine)
    rng = random.Random(11)
    for week in range(1, 13):
        day = monday(week)
        await day_opens(engine, day)
        work = [case(f"{week} a {n}", day=day) for n in range(rng.randint(50, 70))]
        work += [case(f"{week} r {n}", "referral", day, team_id="front-door") for n in range(rng.randint(35, 45))]
        work += [
            case(f"{week} n {n}", "assessment", day, factors=("16A",), team_id=None) for n in range(rng.randint(11, 17))
        ]
        work += [case(f"{week} e {n}", "enquiry", day, team_id=None) for n in range(rng.randint(10, 14))]
        work += [
            case(f"{week} x {n}", "enquiry", day, earlier_enquiries=1, team_id=None) for n in range(rng.randint(9, 12))
        ]
        rng.shuffle(work)
        for at in range(0, len(work), 40):
            await arrive(engine, *work[at : at + 40])
    await day_opens(engine, monday(13))
    assert await done(engine) == {theme.theme: theme.target for theme in plan.themes}
    assert len(await audits(engine)) == 386
