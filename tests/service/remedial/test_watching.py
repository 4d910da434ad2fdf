"""What happens because days pass: reminders and escalations, each once, stopped when they should be."""

from datetime import date, datetime, timedelta

import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import col

from services.remedial import moves
from services.remedial.handlers import router
from services.remedial.models import Notice
from shared.clock import LONDON
from shared.events import ActionEscalated, DayOpened, EscalationAcknowledged
from tests.service.remedial.council import HEAD, MANAGER, MONDAY, PEOPLE, QA, SUPPORT, completed, finding
from tests.service.remedial.delivering import deliver, know
from tests.service.remedial.test_moves import council_with
from tests.support import delivery

DUE = date(2026, 11, 30)


async def open_day(engine: AsyncEngine, day: date) -> list[tuple[int, str | None]]:
    """A day begins; who was told of what by escalation."""
    began = datetime(day.year, day.month, day.day, tzinfo=LONDON)
    told = await delivery.open_day(engine, router, DayOpened(occurred_at=began, day=day))
    return [(event.step, event.to) for event in told if isinstance(event, ActionEscalated)]


async def open_days(engine: AsyncEngine, first: date, last: date) -> dict[date, list[tuple[int, str | None]]]:
    days = [first + timedelta(days=each) for each in range((last - first).days + 1)]
    told = {day: await open_day(engine, day) for day in days}
    return {day: steps for day, steps in told.items() if steps}


async def noted(engine: AsyncEngine) -> list[tuple[str, str]]:
    async with AsyncSession(engine) as session:
        rows = await session.execute(sa.select(Notice).order_by(col(Notice.made_at), col(Notice.kind)))
        return [(notice.kind, notice.person_id) for notice in rows.scalars()]


async def test_an_overdue_action_climbs_to_the_manager_and_then_to_the_head_each_once(engine: AsyncEngine) -> None:
    await council_with(engine, finding())
    climbed = await open_days(engine, MONDAY.date(), date(2026, 12, 20))
    assert climbed == {date(2026, 12, 1): [(1, "manager-1")], date(2026, 12, 3): [(2, "head-1")]}


async def test_a_day_that_is_opened_again_tells_nobody_twice(engine: AsyncEngine) -> None:
    await council_with(engine, finding())
    assert await open_day(engine, date(2026, 12, 1)) == [(1, "manager-1")]
    assert await open_day(engine, date(2026, 12, 1)) == []
    assert (await noted(engine)).count(("escalated", "manager-1")) == 1


async def test_a_reported_action_climbs_no_further_and_one_sent_back_goes_on(engine: AsyncEngine) -> None:
    council = await council_with(engine, finding())
    (action_id,) = council.ids
    await open_day(engine, date(2026, 12, 1))
    await council.report(action_id, at=MONDAY + timedelta(days=8))
    assert await open_days(engine, date(2026, 12, 2), date(2026, 12, 4)) == {}
    await council.do(QA, lambda session, by: moves.send_back(session, by, action_id, "Not yet."))
    assert await open_day(engine, date(2026, 12, 7)) == [(2, "head-1")]


async def test_a_new_owner_is_not_escalated_for_the_lateness_of_the_old_one(engine: AsyncEngine) -> None:
    council = await council_with(engine, finding())
    (action_id,) = council.ids
    await open_day(engine, date(2026, 12, 1))
    await council.do(
        SUPPORT,
        lambda session, by: moves.reassign(session, by, action_id, "worker-2", "Cover."),
        datetime(2026, 12, 2, 9, tzinfo=LONDON),
    )
    assert await open_days(engine, date(2026, 12, 2), date(2026, 12, 6)) == {date(2026, 12, 3): [(1, "manager-1")]}


async def test_an_extension_starts_the_watching_anew(engine: AsyncEngine) -> None:
    council = await council_with(engine, finding())
    await open_day(engine, date(2026, 12, 1))
    until = date(2026, 12, 9)
    await council.do(
        HEAD,
        lambda session, by: moves.extend(session, by, council.ids[0], until, "Leave."),
        datetime(2026, 12, 2, 9, tzinfo=LONDON),
    )
    assert await open_days(engine, date(2026, 12, 2), date(2026, 12, 10)) == {date(2026, 12, 10): [(1, "manager-1")]}


async def test_the_chain_leaves_out_the_owner_and_whoever_signed_the_work_off(engine: AsyncEngine) -> None:
    council = await council_with(engine, finding(owner="manager-1"))
    assert council.ids
    assert await open_day(engine, date(2026, 12, 1)) == [(1, "head-1")]


async def test_the_chain_leaves_out_whoever_signed_off_the_work_of_a_finding_that_was_merged(
    engine: AsyncEngine,
) -> None:
    first = finding()
    await council_with(engine, first)
    merged = structs.replace(finding(owner="worker-1", needs_action=False), acts_with=first.finding_id)
    other = structs.replace(completed(merged), authorised_by="manager-1")
    assert [event.type() for event in await deliver(engine, other)] == ["FindingJoined"]
    assert await open_day(engine, date(2026, 12, 1)) == [(1, "head-1")]


async def test_an_escalation_with_nobody_above_is_recorded_all_the_same(engine: AsyncEngine) -> None:
    await council_with(engine, finding())
    async with engine.begin() as connection:
        await connection.execute(sa.text("DELETE FROM person WHERE person_id IN ('manager-1', 'head-1')"))
    assert await open_day(engine, date(2026, 12, 1)) == [(1, None)]


async def test_an_escalation_is_taken_in_hand_once(engine: AsyncEngine) -> None:
    council = await council_with(engine, finding())
    await open_day(engine, date(2026, 12, 1))
    (event,) = await council.do(MANAGER, lambda session, by: moves.acknowledge(session, by, council.ids[0]))
    assert isinstance(event, EscalationAcknowledged)
    assert (event.step, event.by) == (1, "manager-1")
    assert (await council.action(council.ids[0])).acknowledged_by == "manager-1"


async def test_owners_are_reminded_before_and_on_the_day_and_not_once_they_have_reported(engine: AsyncEngine) -> None:
    council = await council_with(engine, finding(), finding("voice"))
    await open_day(engine, date(2026, 11, 27))
    await council.report(council.ids[0])
    await open_day(engine, DUE)
    kinds = [kind for kind, person in await noted(engine) if person == "worker-1"]
    assert kinds.count("due_soon") == 2
    assert kinds.count("due_today") == 1


async def test_an_action_that_nobody_owns_is_told_to_business_support(engine: AsyncEngine) -> None:
    await know(engine, *PEOPLE)
    await deliver(engine, structs.replace(completed(finding(), worker=None), team_id="team-9"))
    assert await noted(engine) == [("unowned", "support-1")]
