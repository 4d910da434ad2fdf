"""Loops that wait for another audit's action: settled when that action moves, and never left to wait for nothing."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial import joining, raising
from services.remedial.domain.joining import Alone
from services.remedial.loops import locked_loop, settle
from services.remedial.models import Action, Join, Joined, Loop, Unsettled
from shared.events import Event

ToNow = Callable[[AsyncSession, Loop, Joined, datetime], Awaitable[list[Event]]]

WAITS_DAYS = 2
"""So many days may open while an action stays unknown; then the finding gets one of its own."""


async def settle_noted(session: AsyncSession, now: datetime) -> list[Event]:
    """Settle every loop that was noted since; where none was, one of which a finding waited for an action known now.

    One, since to decide on it locks the action's row: with that row held, no further loop may be waited for.
    """
    due = await _noted(session)
    if due:
        return [event for audit_id in sorted(due) for event in await _settle_one(session, audit_id, due[audit_id])]
    waiting = await _known_now(session)
    return [] if waiting is None else await _bring(session, waiting, now, Join.WAITING, joining.decide_one)


async def _noted(session: AsyncSession) -> Mapping[UUID, datetime]:
    noted = await session.execute(sa.delete(Unsettled).returning(col(Unsettled.audit_id), col(Unsettled.at)))
    latest: dict[UUID, datetime] = {}
    for audit_id, at in noted:
        latest[audit_id] = max(at, latest.get(audit_id, at))
    return latest


async def _known_now(session: AsyncSession) -> UUID | None:
    """Asked each time: the finding and its action may have come in two transactions that did not see each other."""
    known = sa.select(col(Joined.audit_id)).join(Action, col(Action.action_id) == col(Joined.action_id))
    first = known.where(col(Joined.join) == Join.WAITING).order_by(col(Joined.audit_id)).limit(1)
    return (await session.execute(first)).scalar_one_or_none()


async def _settle_one(session: AsyncSession, audit_id: UUID, at: datetime) -> list[Event]:
    return await _bring(session, audit_id, at, Join.JOINED, _follow_action)


async def _bring(session: AsyncSession, audit_id: UUID, at: datetime, those: Join, to_now: ToNow) -> list[Event]:
    """Bring those findings of an audit to where their actions are now, and settle its loop."""
    loop = await locked_loop(session, audit_id)
    if loop is None:
        return []
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


async def give_up_waiting(session: AsyncSession, at: datetime) -> list[Event]:
    """A day opened: what has waited too long for an action that nobody knows gets one of its own."""
    waiting = sa.select(col(Joined.audit_id)).where(col(Joined.join) == Join.WAITING).distinct()
    audits = (await session.execute(waiting)).scalars().all()
    return [event for audit_id in sorted(audits) for event in await _wait_less(session, audit_id, at)]


async def _wait_less(session: AsyncSession, audit_id: UUID, at: datetime) -> list[Event]:
    loop = await locked_loop(session, audit_id)
    if loop is None:
        return []
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
