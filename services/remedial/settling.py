"""Loops that wait for another audit's action: settled when that action moves, and never left to wait for nothing."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial import joining, raising
from services.remedial.domain.joining import Alone
from services.remedial.loops import locked_loops, settle
from services.remedial.models import Action, Join, Joined, Loop, Unsettled
from shared.events import Event

ToNow = Callable[[AsyncSession, Loop, Joined, datetime], Awaitable[list[Event]]]

WAITS_DAYS = 2
"""So many days may open while an action stays unknown; then the finding gets one of its own."""

MOST = 100
"""So many findings whose actions have become known are decided on at once."""


async def settle_noted(session: AsyncSession, now: datetime) -> list[Event]:
    """Settle every loop that was noted since, and those of which a finding waited for an action that is known now."""
    due, known = await _noted(session), await _known_now(session)
    held = await locked_loops(session, {*due, *(audit_id for pair in known for audit_id in pair)})

    async def decide(of: AsyncSession, loop: Loop, row: Joined, at: datetime) -> list[Event]:
        return await joining.decide_one(of, loop, row, at, held)

    events: list[Event] = []
    for audit_id in sorted(due):
        events += await _bring(session, held[audit_id], due[audit_id], Join.JOINED, _follow_action)
    for audit_id in sorted({audit_id for audit_id, _ in known}):
        events += await _bring(session, held[audit_id], now, Join.WAITING, decide)
    return events


async def _noted(session: AsyncSession) -> Mapping[UUID, datetime]:
    noted = await session.execute(sa.delete(Unsettled).returning(col(Unsettled.audit_id), col(Unsettled.at)))
    latest: dict[UUID, datetime] = {}
    for audit_id, at in noted:
        latest[audit_id] = max(at, latest.get(audit_id, at))
    return latest


async def _known_now(session: AsyncSession) -> Sequence[tuple[UUID, UUID]]:
    """The audits of findings that waited, each with the audit of the action that one waited for.

    Asked each time: the finding and its action may have come in two transactions that did not see each other.
    """
    both = sa.select(col(Joined.audit_id), col(Action.audit_id))
    known = both.join(Action, col(Action.action_id) == col(Joined.action_id)).where(col(Joined.join) == Join.WAITING)
    rows = await session.execute(known.order_by(col(Joined.audit_id), col(Action.audit_id)).limit(MOST))
    return [(audit_id, answering) for audit_id, answering in rows]


async def _bring(session: AsyncSession, loop: Loop, at: datetime, those: Join, to_now: ToNow) -> list[Event]:
    """Bring those findings of an audit to where their actions are now, and settle its loop, which is locked."""
    rows = [row for row in (await joining.joins_of(session, loop)).values() if row.join == those]
    events: list[Event] = []
    for row in sorted(rows, key=lambda each: each.action_id):
        events += await to_now(session, loop, row, at)
    events += await raising.raise_alone(session, loop, [row for row in rows if row.join == Join.ALONE], at)
    return events + await settle(session, loop, at, because="reopened")


async def _follow_action(session: AsyncSession, loop: Loop, row: Joined, at: datetime) -> list[Event]:
    """Note its action's state; a withdrawn one, or one of a withdrawn case, answers nothing any more."""
    action = await session.get_one(Action, row.action_id, populate_existing=True)
    row.action_state = action.state
    gone = await joining.answers_no_more(session, loop, action)
    return await joining.part(session, loop, row, at, Alone.WITHDRAWN) if gone else []


async def waiting(session: AsyncSession) -> Sequence[UUID]:
    """The audits of findings that wait for an action, in the order of their ids."""
    query = sa.select(col(Joined.audit_id)).where(col(Joined.join) == Join.WAITING).distinct()
    return sorted((await session.execute(query)).scalars())


async def give_up_waiting(session: AsyncSession, loops: Sequence[Loop], at: datetime) -> list[Event]:
    """A day opened: what has waited too long for an action that nobody knows gets one of its own.

    `loops` are those of which a finding waits, locked.
    """
    return [event for loop in loops for event in await _wait_less(session, loop, at)]


async def _wait_less(session: AsyncSession, loop: Loop, at: datetime) -> list[Event]:
    given_up = []
    for row in (await joining.joins_of(session, loop)).values():
        if row.join != Join.WAITING:
            continue
        row.days += 1
        if row.days >= WAITS_DAYS:
            row.join, row.because = Join.ALONE, Alone.UNKNOWN
            given_up.append(row)
    events = await raising.raise_alone(session, loop, given_up, at)
    return events + await settle(session, loop, at)
