"""What people do to actions, on real PostgreSQL: who may, what it leaves behind, and what it says."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from fastapi import HTTPException
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import col

from services.remedial import moves
from services.remedial.domain.amendment import action_id_of
from services.remedial.domain.refusal import Refused
from services.remedial.models import Action, Loop, Step, Text
from services.remedial.moves import By, Report
from shared.access import Scope
from shared.db import sessions
from shared.events import (
    ActionExtended,
    ActionReassigned,
    ActionReturned,
    ActionVerified,
    AuditCompleted,
    Event,
    Finding,
    LoopClosed,
    LoopReopened,
    TextErased,
    TextWritten,
)
from tests.service.remedial.council import (
    AUDITOR,
    COLLEAGUE,
    HEAD,
    MANAGER,
    MONDAY,
    OTHER_AUDITOR,
    OTHER_MANAGER,
    PEOPLE,
    PROGRAMME_OPENED,
    QA,
    SUPPORT,
    WORKER,
    amended,
    completed,
    finding,
    scope,
)
from tests.service.remedial.delivering import deliver, know

DONE = Report("Set the dates.", "She knows who comes when.", "https://cms.example/doc/1")
Make = Callable[[AsyncSession, By], Awaitable[list[Event]]]


class Council:
    """One audit with some findings, and a way to act on its actions."""

    def __init__(self, engine: AsyncEngine, audit: AuditCompleted) -> None:
        self.engine = engine
        self.audit = audit
        self.ids = [action_id_of(each.finding_id) for each in audit.findings]

    async def do(self, who: Scope, make: Make, at: datetime = MONDAY) -> list[Event]:
        """Act in a transaction of one's own."""
        async with sessions(self.engine)() as session, session.begin():
            return await make(session, By(who, at))

    async def report(self, action_id: UUID, who: Scope = WORKER, at: datetime = MONDAY) -> list[Event]:
        return await self.do(who, lambda session, by: moves.report(session, by, action_id, DONE), at)

    async def verify(self, action_id: UUID, who: Scope = AUDITOR, grade: str | None = None) -> list[Event]:
        return await self.do(who, lambda session, by: moves.verify(session, by, action_id, grade))

    async def action(self, action_id: UUID) -> Action:
        async with AsyncSession(self.engine) as session:
            return await session.get_one(Action, action_id)

    async def loop(self) -> Loop:
        async with AsyncSession(self.engine) as session:
            return await session.get_one(Loop, self.audit.audit_id)


@pytest.fixture
async def council(engine: AsyncEngine) -> Council:
    return await council_with(engine, finding(), finding("voice"))


async def council_with(engine: AsyncEngine, *findings: Finding) -> Council:
    await know(engine, *PEOPLE)
    await deliver(engine, PROGRAMME_OPENED)
    audit = completed(*findings)
    await deliver(engine, audit)
    return Council(engine, audit)


def types(events: list[Event]) -> list[str]:
    return [event.type() for event in events]


async def test_a_reported_action_is_verified_and_the_last_one_closes_the_loop(council: Council) -> None:
    first, second = council.ids
    assert types(await council.report(first)) == ["TextWritten", "ActionReported"]
    assert types(await council.verify(first)) == ["ActionVerified"]
    await council.report(second)
    verified, closed = await council.verify(second, grade="green")
    assert isinstance(verified, ActionVerified)
    assert isinstance(closed, LoopClosed)
    assert (closed.before, closed.after, closed.actions, closed.version) == ("amber", "green", 2, verified.version + 1)
    assert (await council.loop()).standing == "closed"


async def test_the_words_of_a_report_stay_out_of_the_events(council: Council) -> None:
    written, reported = await council.report(council.ids[0])
    assert isinstance(written, TextWritten)
    assert written.text_id == council.ids[0]
    assert written.about == council.audit.audit_id
    assert DONE.done not in reported.json().decode()


async def test_the_second_report_takes_nothing_of_the_first_away(council: Council) -> None:
    action_id = council.ids[0]
    await council.report(action_id)
    await council.do(AUDITOR, lambda session, by: moves.send_back(session, by, action_id, "No dates yet."))
    again = Report("Dates are in the plan.", "She has a calendar.")
    written, _ = await council.do(WORKER, lambda session, by: moves.report(session, by, action_id, again))
    assert isinstance(written, TextWritten)
    assert written.version == 2
    assert written.parts["done"] == again.done
    assert written.parts["done.1"] == DONE.done


async def test_two_last_verifications_at_once_close_the_loop_exactly_once(engine: AsyncEngine) -> None:
    for _ in range(5):
        council = await council_with(engine, finding(), finding())
        for action_id in council.ids:
            await council.report(action_id)
        told = await asyncio.gather(*(council.verify(action_id) for action_id in council.ids))
        events = [event for each in told for event in each]
        assert len([event for event in events if isinstance(event, LoopClosed)]) == 1
        assert sorted(event.version for event in events) == [5, 6, 7]


async def test_the_same_action_reported_twice_at_once_is_reported_once(council: Council) -> None:
    action_id = council.ids[0]
    told = await asyncio.gather(*(council.report(action_id) for _ in range(4)), return_exceptions=True)
    refused = [each for each in told if isinstance(each, Refused)]
    assert len(refused) == 3
    assert {str(no) for no in refused} == {"This action has already been reported done. It is waiting to be verified."}


async def test_an_amendment_that_adds_work_reopens_a_closed_loop_and_it_closes_again(engine: AsyncEngine) -> None:
    council = await council_with(engine, finding())
    await council.report(council.ids[0])
    await council.verify(council.ids[0])
    added = finding("voice")
    events = await deliver(
        engine, amended(council.audit, *council.audit.findings, added, at=MONDAY + timedelta(days=3))
    )
    reopened = events[-1]
    assert isinstance(reopened, LoopReopened)
    assert (reopened.days, reopened.because) == (3, "amended")
    await council.report(action_id_of(added.finding_id))
    *_, closed = await council.verify(action_id_of(added.finding_id))
    assert isinstance(closed, LoopClosed)
    assert closed.actions == 2


async def test_withdrawing_the_last_open_action_closes_the_loop(engine: AsyncEngine) -> None:
    council = await council_with(engine, finding(), finding())
    await council.report(council.ids[0])
    await council.verify(council.ids[0])
    *_, closed = await council.do(QA, lambda session, by: moves.withdraw(session, by, council.ids[1], "Moved away."))
    assert isinstance(closed, LoopClosed)


async def test_an_audit_whose_only_action_is_withdrawn_closes_nothing(engine: AsyncEngine) -> None:
    council = await council_with(engine, finding())
    events = await council.do(QA, lambda session, by: moves.withdraw(session, by, council.ids[0], "Wrong child."))
    assert not [event for event in events if isinstance(event, LoopClosed)]
    assert (await council.loop()).standing == "empty"


async def test_reopening_a_verified_action_gives_it_time_again_and_reopens_the_loop(engine: AsyncEngine) -> None:
    council = await council_with(engine, finding())
    (action_id,) = council.ids
    await council.report(action_id)
    await council.verify(action_id)
    later = MONDAY + timedelta(days=7)
    events = await council.do(QA, lambda session, by: moves.reopen(session, by, action_id, "The plan is gone."), later)
    assert types(events) == ["TextWritten", "ActionReopened", "LoopReopened"]
    action = await council.action(action_id)
    assert (action.due_on, action.first_due_on) == (date(2026, 12, 7), date(2026, 11, 30))
    await council.report(action_id, MANAGER)
    assert isinstance((await council.verify(action_id))[-1], LoopClosed)


async def test_timeliness_is_measured_against_the_first_due_date_whatever_was_granted(council: Council) -> None:
    action_id = council.ids[0]
    until = date(2026, 12, 14)
    _, told = await council.do(MANAGER, lambda session, by: moves.extend(session, by, action_id, until, "Leave."))
    assert isinstance(told, ActionExtended)
    assert told.due_on == until
    await council.report(action_id, at=MONDAY + timedelta(days=14))
    (verified,) = await council.verify(action_id)
    assert isinstance(verified, ActionVerified)
    assert not verified.in_time
    action = await council.action(action_id)
    assert (action.extensions, action.first_due_on) == (1, date(2026, 11, 30))


async def test_a_hand_over_starts_unseen_and_follows_the_new_owner_to_their_team(council: Council) -> None:
    action_id = council.ids[0]
    await council.do(WORKER, lambda session, by: moves.see(session, by, action_id))
    events = await council.do(
        HEAD, lambda session, by: moves.reassign(session, by, action_id, "worker-3", "The case moved.")
    )
    assert isinstance(events[-1], ActionReassigned)
    action = await council.action(action_id)
    assert (action.owner_id, action.team_id, action.state, action.reassignments) == ("worker-3", "team-2", "raised", 1)


@pytest.mark.parametrize("owner", ["gone-1", "nobody-known"])
async def test_nothing_is_handed_to_somebody_who_is_not_there(council: Council, owner: str) -> None:
    with pytest.raises(Refused, match="staff directory"):
        await council.do(SUPPORT, lambda session, by: moves.reassign(session, by, council.ids[0], owner, "Why not."))


async def test_nothing_is_handed_to_somebody_who_could_not_report_it_done(council: Council) -> None:
    with pytest.raises(Refused, match="could not report it done"):
        await council.do(
            SUPPORT, lambda session, by: moves.reassign(session, by, council.ids[0], "auditor-2", "Why not.")
        )


async def test_sending_back_counts_and_keeps_the_due_date(council: Council) -> None:
    action_id = council.ids[0]
    await council.report(action_id)
    written, told = await council.do(
        AUDITOR, lambda session, by: moves.send_back(session, by, action_id, "Where are the dates?")
    )
    assert isinstance(written, TextWritten)
    assert isinstance(told, ActionReturned)
    action = await council.action(action_id)
    assert (action.state, action.returns, action.due_on) == ("returned", 1, date(2026, 11, 30))


async def test_what_does_not_exist_for_somebody_answers_404(council: Council) -> None:
    action_id = council.ids[0]
    for who in (COLLEAGUE, OTHER_MANAGER, scope("board-1", "board"), scope("admin-1", "administrator")):
        with pytest.raises(HTTPException) as missing:
            await council.report(action_id, who)
        assert missing.value.status_code == 404
    await council.report(action_id)
    for who in (WORKER, MANAGER, OTHER_AUDITOR, SUPPORT):
        with pytest.raises(HTTPException) as missing:
            await council.verify(action_id, who)
        assert missing.value.status_code == 404


async def test_nobody_verifies_what_they_reported_themselves(council: Council) -> None:
    action_id = council.ids[0]
    both = scope("manager-1", "team_manager", "qa_manager", teams=("team-1",))
    await council.report(action_id, both)
    with pytest.raises(Refused, match="your own work"):
        await council.verify(action_id, both)
    assert (await council.action(action_id)).state == "reported"


async def test_the_database_too_refuses_a_verification_of_ones_own_report(council: Council) -> None:
    await council.report(council.ids[0])
    with pytest.raises(sa.exc.IntegrityError):
        async with council.engine.begin() as connection:
            await connection.execute(sa.update(Action).values(verified_by="worker-1", state="verified"))


async def test_a_grade_that_the_programme_does_not_have_is_refused(council: Council) -> None:
    await council.report(council.ids[0])
    with pytest.raises(Refused, match="grades"):
        await council.verify(council.ids[0], grade="excellent")


async def test_every_move_stands_in_the_timeline_with_who_and_when(council: Council) -> None:
    action_id = council.ids[0]
    await council.do(WORKER, lambda session, by: moves.see(session, by, action_id))
    await council.do(SUPPORT, lambda session, by: moves.chase(session, by, action_id, "Left a message."))
    await council.report(action_id)
    async with AsyncSession(council.engine) as session:
        query = sa.select(Step).where(col(Step.action_id) == action_id).order_by(col(Step.step_id))
        steps = (await session.execute(query)).scalars().all()
    assert [(step.move, step.by, step.state) for step in steps] == [
        ("raise", "caseloop", "raised"),
        ("see", "worker-1", "seen"),
        ("chase", "support-1", "seen"),
        ("report", "worker-1", "reported"),
    ]


async def test_erased_words_are_gone_and_leave_their_mark(council: Council) -> None:
    await council.report(council.ids[0])
    await deliver(council.engine, TextErased(occurred_at=MONDAY, text_id=council.ids[0], version=2))
    async with AsyncSession(council.engine) as session:
        text = await session.get_one(Text, council.ids[0])
    assert (text.parts, text.erased) == ({}, True)
