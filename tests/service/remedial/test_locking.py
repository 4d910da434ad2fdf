"""Loops are locked in one order and all at once, and nothing else of an audit is: so nobody waits in a ring.

A deadlock once answered a press with a 500: a batch of audits had locked an action of another audit and went on to wait
for that audit's loop, while a page held the loop and wanted the action.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.remedial import moves, raising
from services.remedial.domain.amendment import action_id_of
from services.remedial.handlers import router
from services.remedial.loops import locked_loop
from services.remedial.moves import By, Report
from shared.db import sessions
from shared.events import (
    AssessmentRecorded,
    AssessmentWithdrawn,
    AuditCompleted,
    DayOpened,
    Event,
    Finding,
    TextErased,
    TextWritten,
)
from tests.service.remedial.council import (
    AUDITOR,
    CHILD,
    MONDAY,
    PEOPLE,
    PROGRAMME_OPENED,
    WORKER,
    amended,
    completed,
    finding,
    person,
)
from tests.service.remedial.delivering import deliver, know
from tests.service.remedial.test_joining import acting_with, blocked, do, settled
from tests.support.delivery import open_day

TUESDAY = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LOW, HIGH, HIGHER = UUID(int=1), UUID(int=2), UUID(int=3)


@pytest.fixture(autouse=True)
async def council(engine: AsyncEngine) -> None:
    await know(engine, *PEOPLE)
    await deliver(engine, PROGRAMME_OPENED)


@asynccontextmanager
async def impatient(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """A transaction that fails where it would wait for longer than a moment: less than it takes to see a deadlock."""
    async with sessions(engine)() as session, session.begin():
        await session.execute(sa.text("SET LOCAL lock_timeout = '300ms'"))
        yield session


async def test_a_page_moves_an_action_while_a_batch_that_merges_with_it_waits_for_its_loop(
    engine: AsyncEngine,
) -> None:
    first, third = finding(), finding("voice")
    audit = completed(first, audit_id=HIGH)
    await deliver(engine, audit)
    merging = completed(acting_with(first), audit_id=LOW)
    async with impatient(engine) as page:
        await locked_loop(page, HIGH)
        batch = asyncio.create_task(deliver(engine, merging, amended(audit, first, third)))
        await blocked(engine)
        await moves.report(page, By(WORKER, TUESDAY), action_id_of(first.finding_id), Report("done", "safer"))
    assert [each.type() for each in await batch] == ["ActionRaised", "ActionRaised"]


async def test_two_batches_that_merge_with_each_others_actions_go_one_after_the_other(engine: AsyncEngine) -> None:
    first, third = finding(), finding("voice")
    one, other = completed(first, audit_id=LOW), completed(third, audit_id=HIGH)
    await deliver(engine, one, other)
    changed = [structs.replace(each, severity="low") for each in (first, third)]
    async with impatient(engine) as session:
        await raising.follow_all(session, [amended(one, first, acting_with(third))])
        batch = asyncio.create_task(deliver(engine, amended(other, changed[1], acting_with(first))))
        await blocked(engine)
        await raising.follow_all(session, [amended(one, changed[0], acting_with(third), version=7)])
    assert [each.type() for each in await batch] == ["FindingJoined", "ActionChanged"]


Road = Callable[[AsyncEngine], Awaitable[object]]


async def closed(engine: AsyncEngine, audit: AuditCompleted, about: Finding) -> None:
    await deliver(engine, audit)
    await do(engine, WORKER, moves.report, action_id_of(about.finding_id), Report("done", "safer"))
    await do(engine, AUDITOR, moves.verify, action_id_of(about.finding_id))


async def a_day_that_opens(engine: AsyncEngine) -> Road:
    """A closed loop held, one waits for an unknown action, one is overdue: against the order of the three."""
    about = finding()
    await closed(engine, completed(about, audit_id=HIGHER), about)
    await deliver(engine, completed(acting_with(finding()), audit_id=HIGH))
    await deliver(engine, completed(finding(), audit_id=LOW))
    day = date(2027, 1, 4)
    return lambda of: open_day(of, router, DayOpened(occurred_at=datetime(2027, 1, 4, tzinfo=UTC), day=day))


async def a_child_that_comes_back_as_a_case_is_withdrawn(engine: AsyncEngine) -> Road:
    about = finding()
    await closed(engine, completed(about, audit_id=HIGH), about)
    gone = completed(finding(), audit_id=LOW)
    await deliver(engine, gone)
    facts = {"council": "999", "version": 9, "occurred_at": TUESDAY, "child_id": CHILD}
    withdrawn = msgspec.convert(
        {**facts, "assessment_id": gone.assessment_id, "kind": "assessment"}, AssessmentWithdrawn
    )
    back = {**facts, "assessment_id": UUID(int=9), "kind": "enquiry", "child_id": CHILD, "source": "push"}
    days = {"started_on": date(2026, 12, 1), "completed_on": date(2026, 12, 2), "authorised_on": date(2026, 12, 2)}
    again = msgspec.convert({**back, **days}, AssessmentRecorded)
    return lambda of: deliver(of, again, withdrawn)


async def two_who_leave(engine: AsyncEngine) -> Road:
    await deliver(engine, completed(finding(), worker="worker-1", audit_id=HIGH))
    await deliver(engine, completed(finding(), worker="worker-2", audit_id=LOW))
    left = [person(each, "practitioner", team="team-1", active=False, version=2) for each in ("worker-1", "worker-2")]
    return lambda of: deliver(of, *left)


async def findings_whose_actions_have_become_known(engine: AsyncEngine) -> Road:
    first = finding()
    await deliver(engine, completed(acting_with(first), audit_id=HIGH))
    await deliver(engine, completed(first, audit_id=LOW))
    return settled


async def words_that_come_and_go(engine: AsyncEngine) -> Road:
    first, second = finding(), finding()
    await deliver(engine, completed(first, audit_id=LOW), completed(second, audit_id=HIGH))
    gone: list[Event] = [TextErased(occurred_at=MONDAY, version=9, text_id=each.finding_id) for each in (first, second)]
    return lambda of: deliver(of, *gone)


ROADS = (
    a_day_that_opens,
    a_child_that_comes_back_as_a_case_is_withdrawn,
    two_who_leave,
    findings_whose_actions_have_become_known,
    words_that_come_and_go,
)


@pytest.mark.parametrize("road", ROADS, ids=lambda each: each.__name__)
async def test_what_waits_for_one_loop_holds_none_that_comes_after_it(
    engine: AsyncEngine, road: Callable[[AsyncEngine], Awaitable[Road]]
) -> None:
    go = await road(engine)
    async with sessions(engine)() as holder, holder.begin():
        await locked_loop(holder, LOW)
        going = asyncio.create_task(_told(go, engine))
        await blocked(engine)
        async with impatient(engine) as another:
            for audit_id in (HIGH, HIGHER):
                await locked_loop(another, audit_id)
    assert await going


async def _told(go: Road, engine: AsyncEngine) -> object:
    return await go(engine)


async def test_words_that_a_page_writes_are_not_held_by_a_batch_that_waits_for_a_loop(engine: AsyncEngine) -> None:
    """A batch keeps words last: a page that holds the loop writes its action's words."""
    first, erased = finding(), finding()
    await deliver(engine, completed(first, erased, audit_id=LOW))
    action_id = action_id_of(first.finding_id)
    echo = TextWritten(occurred_at=MONDAY, version=1, text_id=action_id, about=LOW, parts={"done": "Set."})
    gone = TextErased(occurred_at=MONDAY, version=9, text_id=erased.finding_id)
    async with impatient(engine) as page:
        await locked_loop(page, LOW)
        batch = asyncio.create_task(deliver(engine, echo, gone))
        await blocked(engine)
        await moves.report(page, By(WORKER, TUESDAY + timedelta(hours=1)), action_id, Report("done", "safer"))
    assert [each.type() for each in await batch] == ["TextErased"]
