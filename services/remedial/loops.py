"""The loop of an audit: closed once when its last action is finished, reopened when something is asked for again.

A loop's row is the one lock of all that belongs to its audit. A transaction that touches several audits locks all their
loops in the order of their ids before it writes anything, and none after that; nothing else of an audit is ever locked
on its own. So no two transactions wait for each other.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import TypedDict
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial.calendar import proclaimed
from services.remedial.domain.life import OPEN, State
from services.remedial.domain.loop import Standing, standing_of
from services.remedial.models import Action, Join, Joined, Loop, Unsettled
from shared.events import Event, LoopClosed, LoopReopened
from shared.working_days import local_date, working_days_between


class AboutLoop(TypedDict):
    """What every event about a loop carries."""

    occurred_at: datetime
    version: int
    audit_id: UUID


async def locked_loop(session: AsyncSession, audit_id: UUID) -> Loop | None:
    """The audit's loop with its row locked, as the database has it now: whoever changes an action holds it first."""
    query = sa.select(Loop).where(col(Loop.audit_id) == audit_id).with_for_update()
    return (await session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()


async def locked_loops(session: AsyncSession, audit_ids: Iterable[UUID]) -> Mapping[UUID, Loop]:
    """The loops of several audits, locked in the order of their ids, as the database has them now."""
    query = sa.select(Loop).where(col(Loop.audit_id).in_(set(audit_ids))).order_by(col(Loop.audit_id)).with_for_update()
    found = (await session.execute(query.execution_options(populate_existing=True))).scalars()
    return {loop.audit_id: loop for loop in found}


def about_loop(loop: Loop, now: datetime) -> AboutLoop:
    """The stamp of the loop's next event."""
    return AboutLoop(occurred_at=now, version=loop.bumped(), audit_id=loop.audit_id)


async def settle(
    session: AsyncSession, loop: Loop, now: datetime, *, grade_after: str | None = None, because: str = "amended"
) -> list[Event]:
    """Say that the loop closed or reopened, if what just happened did that. The caller holds the loop's row.

    Two last verifications at once both come through here, one after the other: only the second finds nothing open.
    """
    await session.flush()
    await _note_joined(session, loop, now)
    states, off = await _states(session, loop), await proclaimed(session)
    before, loop.standing = loop.standing, standing_of(states.values())
    if loop.standing == before:
        return []
    if loop.standing == Standing.CLOSED:
        return [_closed(loop, now, grade_after, list(states.values()).count(State.VERIFIED), off)]
    return [_reopened(loop, now, because)] if before == Standing.CLOSED else []


async def _states(session: AsyncSession, loop: Loop) -> dict[UUID, State]:
    """How the actions stand that this loop waits for: its own, and those that answer findings of it too.

    A finding that waits for its action, or whose action was withdrawn under it, is asked for until that is decided.
    """
    own = await session.execute(
        sa.select(col(Action.action_id), col(Action.state)).where(col(Action.audit_id) == loop.audit_id)
    )
    states = {row.action_id: State(row.state) for row in own}
    joined = await session.execute(
        sa.select(col(Joined.action_id), col(Action.state))
        .outerjoin(Action, col(Action.action_id) == col(Joined.action_id))
        .where(col(Joined.audit_id) == loop.audit_id, col(Joined.join) != Join.ALONE)
    )
    for action_id, state in joined:
        states[action_id] = State(state) if state in (*OPEN, State.VERIFIED) else State.RAISED
    return states


async def _note_joined(session: AsyncSession, loop: Loop, now: datetime) -> None:
    """Note whose findings an action of this loop answers too, where it has moved: their loops are settled next.

    Noted and not done: their rows are not held, and to wait for them now could deadlock.
    """
    whose = (
        sa.select(col(Joined.audit_id), sa.literal(now, sa.DateTime(timezone=True)))
        .join(Action, col(Action.action_id) == col(Joined.action_id))
        .where(
            col(Action.audit_id) == loop.audit_id,
            col(Joined.join) == Join.JOINED,
            col(Joined.action_state).is_distinct_from(col(Action.state)),
        )
        .distinct()
    )
    await session.execute(sa.insert(Unsettled).from_select(["audit_id", "at"], whose))


def _closed(loop: Loop, now: datetime, grade_after: str | None, actions: int, off: Collection[date]) -> LoopClosed:
    loop.closed_at = now
    loop.grade_after = grade_after or loop.grade
    loop.held_days, loop.came_back = 0, False
    return LoopClosed(
        **about_loop(loop, now),
        before=loop.grade,
        after=loop.grade_after,
        working_days=working_days_between(local_date(loop.completed_at), local_date(now), off),
        actions=actions,
    )


def _reopened(loop: Loop, now: datetime, because: str) -> LoopReopened:
    closed_on = local_date(loop.closed_at or now)
    loop.closed_at = loop.grade_after = None
    return LoopReopened(**about_loop(loop, now), days=(local_date(now) - closed_on).days, because=because)
