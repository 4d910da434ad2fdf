"""One action answers several findings: exactly once, whatever is redelivered, amended, late or finished meanwhile."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import col

from services.remedial import moves, raising, settling
from services.remedial.domain.amendment import action_id_of
from services.remedial.domain.refusal import Refused
from services.remedial.handlers import router
from services.remedial.loop_notes import note_of
from services.remedial.models import Action, Joined, Loop, Moderated, Step, Unsettled
from services.remedial.moves import By, Report
from shared.access import Scope
from shared.db import sessions
from shared.events import (
    ActionRaised,
    AssessmentWithdrawn,
    AuditCompleted,
    DayOpened,
    Event,
    Finding,
    FindingJoined,
    LoopClosed,
    LoopReopened,
    PatternDetected,
    TextErased,
)
from tests.service.remedial.council import (
    AUDITOR,
    COLLEAGUE,
    MONDAY,
    OTHER_AUDITOR,
    OTHER_MANAGER,
    PEOPLE,
    PROGRAMME_OPENED,
    QA,
    WORKER,
    amended,
    completed,
    finding,
    scope,
)
from tests.service.remedial.delivering import deliver, know
from tests.support.delivery import open_day
from tests.support.eventually import eventually

TUESDAY = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
async def council(engine: AsyncEngine) -> None:
    await know(engine, *PEOPLE)
    await deliver(engine, PROGRAMME_OPENED)


def acting_with(other: Finding, *, owner: str | None = "worker-1", domain: str = "planning") -> Finding:
    """A finding that the auditor merged with the action of another."""
    return structs.replace(finding(domain, owner=owner, needs_action=False), acts_with=other.finding_id)


async def do(
    engine: AsyncEngine, who: Scope, move: Callable[..., object], *args: object, **also: object
) -> list[Event]:
    """Make one move as somebody, on Tuesday."""
    async with sessions(engine)() as session, session.begin():
        told: list[Event] = await move(session, By(who, TUESDAY), *args, **also)  # type: ignore[misc]
        return told


async def verified(engine: AsyncEngine, about: Finding) -> list[Event]:
    """Its action is reported by its owner and verified by the auditor."""
    action_id = action_id_of(about.finding_id)
    await do(engine, WORKER, moves.report, action_id, Report("done", "safer"))
    return await do(engine, AUDITOR, moves.verify, action_id)


async def settled(engine: AsyncEngine) -> list[Event]:
    """What the ticker says of the loops that were noted."""
    async with sessions(engine)() as session, session.begin():
        return await settling.settle_noted(session, TUESDAY + timedelta(hours=1))


async def day_opens(engine: AsyncEngine, day: int) -> list[Event]:
    """What is said as that day of November begins."""
    return await open_day(
        engine, router, DayOpened(occurred_at=datetime(2026, 11, day, tzinfo=UTC), day=date(2026, 11, day))
    )


async def standing(engine: AsyncEngine, audit: AuditCompleted) -> str:
    async with AsyncSession(engine) as session:
        return (await session.get_one(Loop, audit.audit_id)).standing


async def joined(engine: AsyncEngine, about: Finding) -> Joined | None:
    async with AsyncSession(engine) as session:
        return await session.get(Joined, about.finding_id)


async def actions(engine: AsyncEngine) -> dict[UUID, Action]:
    """Every action by its finding."""
    async with AsyncSession(engine) as session:
        return {each.finding_id: each for each in (await session.execute(sa.select(Action))).scalars()}


def types(events: list[Event]) -> list[str]:
    return [event.type() for event in events]


async def two_audits(engine: AsyncEngine) -> tuple[Finding, AuditCompleted, Finding, AuditCompleted]:
    """An audit with an open action, and a later one of the same auditor with a finding that it answers too."""
    first = finding()
    audit = completed(first)
    await deliver(engine, audit)
    second = acting_with(first)
    other = completed(second)
    assert types(await deliver(engine, other)) == ["FindingJoined"]
    return first, audit, second, other


async def test_a_finding_merged_within_its_audit_raises_no_second_action(engine: AsyncEngine) -> None:
    first = finding()
    second = acting_with(first, owner=None, domain="voice")
    audit = completed(first, second)
    assert types(await deliver(engine, audit)) == ["FindingJoined", "ActionRaised"]
    assert set(await actions(engine)) == {first.finding_id}
    assert types(await verified(engine, first)) == ["ActionVerified", "LoopClosed"]
    assert await settled(engine) == []


async def test_a_finding_merged_with_another_audits_action_closes_its_loop_when_that_is_verified(
    engine: AsyncEngine,
) -> None:
    first, audit, _, other = await two_audits(engine)
    assert set(await actions(engine)) == {first.finding_id}
    assert await standing(engine, other) == "open"
    [_, closed] = await verified(engine, first)
    assert isinstance(closed, LoopClosed)
    assert closed.audit_id == audit.audit_id
    [also] = await settled(engine)
    assert isinstance(also, LoopClosed)
    assert (also.audit_id, also.actions, also.occurred_at) == (other.audit_id, 1, TUESDAY)
    assert await settled(engine) == []


async def test_a_redelivered_audit_joins_nothing_again(engine: AsyncEngine) -> None:
    _, _, second, other = await two_audits(engine)
    again = structs.replace(other, occurred_at=MONDAY + timedelta(hours=1))
    assert await deliver(engine, other, again) == []
    assert len(await actions(engine)) == 1
    async with AsyncSession(engine) as session:
        steps = (await session.execute(sa.select(col(Step.move)).where(col(Step.move) == "join"))).scalars().all()
    assert steps == ["join"]
    assert (await joined(engine, second)) is not None


async def test_an_amendment_that_undoes_the_merge_raises_the_action_and_one_that_adds_it_withdraws_it(
    engine: AsyncEngine,
) -> None:
    first, _, second, other = await two_audits(engine)
    own = structs.replace(second, acts_with=None, needs_action=True)
    assert types(await deliver(engine, amended(other, own, version=6))) == ["FindingParted", "ActionRaised"]
    assert set(await actions(engine)) == {first.finding_id, second.finding_id}
    assert types(await deliver(engine, amended(other, second, version=7))) == ["FindingJoined", "ActionWithdrawn"]
    assert await joined(engine, second) is not None
    assert types(await deliver(engine, amended(other, version=8))) == ["FindingParted"]
    assert await joined(engine, second) is None
    assert await standing(engine, other) == "empty"


async def test_an_amendment_before_its_audit_ends_in_the_same_join(engine: AsyncEngine) -> None:
    first = finding()
    await deliver(engine, completed(first))
    second = acting_with(first)
    other = completed(finding())
    assert types(await deliver(engine, amended(other, second))) == ["FindingJoined"]
    assert await deliver(engine, other) == []


async def test_a_finding_that_comes_before_its_action_waits_for_it(engine: AsyncEngine) -> None:
    first = finding()
    second = acting_with(first)
    other = completed(second)
    assert await deliver(engine, other) == []
    assert await standing(engine, other) == "open"
    assert await settled(engine) == []
    await deliver(engine, completed(first))
    [event] = await settled(engine)
    assert isinstance(event, FindingJoined)
    assert set(await actions(engine)) == {first.finding_id}
    assert await settled(engine) == []


async def test_a_finding_whose_action_never_comes_gets_one_of_its_own_after_two_days(engine: AsyncEngine) -> None:
    second = acting_with(finding())
    await deliver(engine, completed(second))
    assert await day_opens(engine, 24) == []
    [raised] = await day_opens(engine, 25)
    assert isinstance(raised, ActionRaised)
    assert (raised.finding_id, raised.alone_because) == (second.finding_id, "unknown")
    assert await day_opens(engine, 26) == []


async def test_an_action_that_was_finished_meanwhile_answers_nothing_more(engine: AsyncEngine) -> None:
    first = finding()
    await deliver(engine, completed(first))
    await verified(engine, first)
    second = acting_with(first)
    other = completed(second)
    [raised] = await deliver(engine, other)
    assert isinstance(raised, ActionRaised)
    assert (raised.finding_id, raised.alone_because) == (second.finding_id, "verified")
    assert (await actions(engine))[second.finding_id].alone_because == "verified"
    assert await deliver(engine, amended(other, second)) == []


@pytest.mark.parametrize(
    ("change", "owner", "because"),
    [
        ({}, "worker-2", "other_owner"),
        ({"auditor_id": "auditor-2"}, "worker-1", "other_auditor"),
        ({"team_id": "team-2"}, "worker-1", "other_team"),
    ],
)
async def test_an_action_of_somebody_else_is_left_alone(
    engine: AsyncEngine, change: dict[str, str], owner: str, because: str
) -> None:
    first = finding()
    await deliver(engine, completed(first))
    second = acting_with(first, owner=owner)
    [raised] = await deliver(engine, structs.replace(completed(second), **change))
    assert isinstance(raised, ActionRaised)
    assert (raised.owner_id, raised.alone_because) == (owner, because)


async def test_a_reported_action_is_not_asked_to_do_more(engine: AsyncEngine) -> None:
    first = finding()
    await deliver(engine, completed(first))
    await do(engine, WORKER, moves.report, action_id_of(first.finding_id), Report("done", "safer"))
    [raised] = await deliver(engine, completed(acting_with(first)))
    assert isinstance(raised, ActionRaised)
    assert raised.alone_because == "reported"


async def test_when_the_action_is_withdrawn_the_finding_gets_one_of_its_own_and_its_loop_never_closes_between(
    engine: AsyncEngine,
) -> None:
    first, _, second, other = await two_audits(engine)
    await do(engine, QA, moves.withdraw, action_id_of(first.finding_id), "no longer needed")
    assert types(await settled(engine)) == ["FindingParted", "ActionRaised"]
    own = (await actions(engine))[second.finding_id]
    assert (own.alone_because, own.audit_id, own.state) == ("withdrawn", other.audit_id, "raised")
    assert await settled(engine) == []
    assert await deliver(engine, amended(other, second)) == []


async def test_within_one_audit_a_withdrawn_action_leaves_no_merged_finding_unanswered(engine: AsyncEngine) -> None:
    first, third = finding(), finding("voice")
    second = acting_with(first, owner=None)
    audit = completed(first, second, third)
    await deliver(engine, audit)
    await verified(engine, third)
    told = await do(engine, QA, moves.withdraw, action_id_of(first.finding_id), "no longer needed")
    assert "LoopClosed" not in types(told)
    assert types(await settled(engine)) == ["FindingParted", "ActionRaised"]
    assert await standing(engine, audit) == "open"


async def test_a_verification_that_does_not_hold_opens_both_loops_again(engine: AsyncEngine) -> None:
    first, audit, _, other = await two_audits(engine)
    await verified(engine, first)
    await settled(engine)
    told = await do(engine, QA, moves.reopen, action_id_of(first.finding_id), "not done after all")
    assert [each.audit_id for each in told if isinstance(each, LoopReopened)] == [audit.audit_id]
    [again] = await settled(engine)
    assert isinstance(again, LoopReopened)
    assert (again.audit_id, again.because) == (other.audit_id, "reopened")


async def test_findings_that_answer_to_each_others_audits_settle_once(engine: AsyncEngine) -> None:
    first, third = finding(), finding()
    audit, other = completed(first), completed(third)
    await deliver(engine, audit, other)
    await deliver(engine, amended(audit, first, acting_with(third)), amended(other, third, acting_with(first)))
    await settled(engine)
    await verified(engine, first)
    assert await settled(engine) == []
    await verified(engine, third)
    assert types(await settled(engine)) == ["LoopClosed"]
    assert {await standing(engine, audit), await standing(engine, other)} == {"closed"}
    async with AsyncSession(engine) as session:
        assert (await session.execute(sa.select(sa.func.count()).select_from(Unsettled))).scalar_one() == 0
    assert await settled(engine) == []


async def test_merging_does_not_hide_a_pattern(engine: AsyncEngine) -> None:
    first, _, _, _ = await two_audits(engine)
    told = await deliver(engine, completed(acting_with(first)))
    assert [event.actions for event in told if isinstance(event, PatternDetected)] == [3]


async def test_a_finding_that_gets_an_action_after_its_words_were_erased_takes_no_words_about_it(
    engine: AsyncEngine,
) -> None:
    first, _, second, _ = await two_audits(engine)
    await deliver(engine, TextErased(occurred_at=MONDAY, version=9, text_id=second.finding_id))
    await do(engine, QA, moves.withdraw, action_id_of(first.finding_id), "no longer needed")
    assert types(await settled(engine)) == ["FindingParted", "ActionRaised", "TextErased"]
    own = action_id_of(second.finding_id)
    assert types(await do(engine, WORKER, moves.report, own, Report("Her brother", "safer"))) == ["ActionReported"]


async def blocked(engine: AsyncEngine) -> None:
    """Wait until one transaction waits for another."""

    async def waits() -> None:
        async with engine.connect() as connection:
            waiting = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            assert (await connection.execute(waiting)).scalar_one() > 0

    await eventually(waits)


async def test_a_finding_that_is_merged_while_its_action_is_being_verified_is_not_lost(engine: AsyncEngine) -> None:
    first = finding()
    await deliver(engine, completed(first))
    action_id = action_id_of(first.finding_id)
    await do(engine, WORKER, moves.report, action_id, Report("done", "safer"))
    async with sessions(engine)() as session, session.begin():
        await moves.verify(session, By(AUDITOR, TUESDAY), action_id)
        second = acting_with(first)
        arriving = asyncio.create_task(deliver(engine, completed(second)))
        await blocked(engine)
    [raised] = await arriving
    assert isinstance(raised, ActionRaised)
    assert raised.alone_because == "verified"


async def test_an_action_that_is_withdrawn_while_a_finding_is_merged_with_it_leaves_none_behind(
    engine: AsyncEngine,
) -> None:
    first = finding()
    await deliver(engine, completed(first))
    other = completed(acting_with(first))
    async with sessions(engine)() as session, session.begin():
        joined_now = await raising.follow_all(session, [other])
        await session.flush()
        withdrawing = asyncio.create_task(
            do(engine, QA, moves.withdraw, action_id_of(first.finding_id), "no longer needed")
        )
        await blocked(engine)
    assert types(joined_now) == ["FindingJoined"]
    await withdrawing
    assert types(await settled(engine)) == ["FindingParted", "ActionRaised"]
    assert await standing(engine, other) == "open"


async def test_nobody_verifies_an_action_that_answers_a_finding_about_their_own_work(engine: AsyncEngine) -> None:
    first = finding()
    await deliver(engine, completed(first))
    await deliver(engine, completed(acting_with(first), worker=QA.person_id))
    action_id = action_id_of(first.finding_id)
    await do(engine, WORKER, moves.report, action_id, Report("done", "safer"))
    with pytest.raises(Refused, match="your own work"):
        await do(engine, QA, moves.verify, action_id)
    assert "LoopClosed" in types(await do(engine, AUDITOR, moves.verify, action_id))


async def test_the_note_for_the_childs_file_is_there_where_an_action_of_another_audit_answers_all(
    engine: AsyncEngine,
) -> None:
    first, _, _, other = await two_audits(engine)
    await verified(engine, first)
    await settled(engine)
    async with AsyncSession(engine) as session:
        note = await note_of(session, AUDITOR, other.audit_id)
        refused = [await note_of(session, who, other.audit_id) for who in (OTHER_AUDITOR, OTHER_MANAGER, COLLEAGUE)]
    assert note is not None
    assert (note.standing, note.actions_verified) == ("closed", 1)
    assert refused == [None, None, None]


async def test_a_moderator_of_the_actions_audit_alone_gets_no_note_of_the_other(engine: AsyncEngine) -> None:
    _, audit, _, other = await two_audits(engine)
    moderator = scope("moderator-1", "moderator")
    async with sessions(engine)() as session, session.begin():
        session.add(Moderated(audit_id=audit.audit_id, moderator_id="moderator-1"))
    async with AsyncSession(engine) as session:
        assert await note_of(session, moderator, audit.audit_id) is not None
        assert await note_of(session, moderator, other.audit_id) is None


def purged(audit: AuditCompleted) -> AssessmentWithdrawn:
    """The case of this audit is withdrawn."""
    about = {"assessment_id": audit.assessment_id, "child_id": audit.child_id, "council": "999", "kind": audit.kind}
    return msgspec.convert({**about, "occurred_at": MONDAY, "version": 9}, AssessmentWithdrawn)


async def test_a_finding_outlives_the_case_of_the_action_that_was_to_answer_it(engine: AsyncEngine) -> None:
    """Nothing is kept of what is written about a withdrawn case: nobody could have said what was done for the other."""
    first, audit, second, other = await two_audits(engine)
    await deliver(engine, purged(audit))
    assert types(await settled(engine)) == ["FindingParted", "ActionRaised"]
    assert await settled(engine) == []
    late = await deliver(engine, completed(acting_with(first)))
    assert [each.alone_because for each in late if isinstance(each, ActionRaised)] == ["withdrawn"]
    told = await verified(engine, second)
    assert [each.audit_id for each in told if isinstance(each, LoopClosed)] == [other.audit_id]


async def test_a_loop_that_closed_stays_closed_when_the_other_case_is_withdrawn(engine: AsyncEngine) -> None:
    first, audit, _, other = await two_audits(engine)
    await verified(engine, first)
    await settled(engine)
    await deliver(engine, purged(audit))
    assert await settled(engine) == []
    assert await standing(engine, other) == "closed"
