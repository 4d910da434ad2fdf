"""Did the loop hold? What happens to a child after a closing, and what does not."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial.domain.hold import COMES_BACK, WINDOWS, came_back_after, held_by
from services.remedial.domain.loop import Standing
from services.remedial.domain.notices import Kind as Told
from services.remedial.loops import about_loop, locked_loop
from services.remedial.models import Loop
from services.remedial.notices import note
from shared.access import people
from shared.events import AssessmentRecorded, EpisodeRecorded, Event, Kind, LoopHeld, LoopReopened
from shared.working_days import local_date

Happened = AssessmentRecorded | EpisodeRecorded
"""Something that began for a child: finished work, or a plan."""

LOOKED_AT = sa.and_(
    col(Loop.standing) == Standing.CLOSED, col(Loop.came_back).is_(False), col(Loop.held_days) < max(WINDOWS)
)
"""Closed loops of which it is not yet known whether they held."""


async def look_at(session: AsyncSession, recorded: Sequence[Happened]) -> list[Event]:
    """Say of each loop that something came after its closing that it did not hold."""
    back = [each for each in recorded if each.kind in COMES_BACK]
    if not back:
        return []
    children = {each.child_id for each in back}
    # Also those of which it was said that they held: a return tells weeks later what began within the window.
    closed = [col(Loop.standing) == Standing.CLOSED, col(Loop.came_back).is_(False)]
    query = sa.select(col(Loop.audit_id)).where(col(Loop.child_id).in_(children), *closed)
    audits = (await session.execute(query.order_by(col(Loop.audit_id)))).scalars().all()
    return [event for audit_id in audits for event in await _came_back(session, audit_id, back)]


async def _came_back(session: AsyncSession, audit_id: UUID, back: Sequence[Happened]) -> list[Event]:
    loop = await locked_loop(session, audit_id)
    if loop is None or loop.closed_at is None or loop.came_back:
        return []
    closed_on = local_date(loop.closed_at)
    for each in sorted((one for one in back if one.child_id == loop.child_id), key=_began_on):
        days = came_back_after(closed_on, _began_on(each))
        if days is not None:
            loop.came_back = True
            await _note(session, loop, each.occurred_at)
            return [LoopReopened(**about_loop(loop, each.occurred_at), days=days, because=COMES_BACK[each.kind])]
    return []


def _began_on(happened: Happened) -> date:
    if isinstance(happened, AssessmentRecorded) and happened.kind == Kind.REFERRAL:
        return happened.referred_on or happened.started_on
    return happened.started_on


async def _note(session: AsyncSession, loop: Loop, now: datetime) -> None:
    managers = await people.managers_of(session, loop.team_id) if loop.team_id else []
    for person_id in [loop.auditor_id, *(manager.person_id for manager in managers)]:
        path = f"/audit/audits/{loop.audit_id}"
        await note(session, person_id, Told.REOPENED, loop.audit_id, now, path=path, occasion=str(loop.version))


async def say_what_held(session: AsyncSession, day: date, now: datetime) -> list[Event]:
    """Say of each closed loop whose window is over that it held."""
    query = sa.select(Loop).where(LOOKED_AT, col(Loop.closed_at) < now).order_by(col(Loop.audit_id))
    closed = (await session.execute(query)).scalars().all()
    due = [loop for loop in closed if loop.closed_at and held_by(day, local_date(loop.closed_at), loop.held_days)]
    return [event for loop in due for event in await _held(session, loop, day, now)]


async def _held(session: AsyncSession, found: Loop, day: date, now: datetime) -> list[Event]:
    loop = await locked_loop(session, found.audit_id)
    if loop is None or loop.closed_at is None or loop.came_back:
        return []
    windows = held_by(day, local_date(loop.closed_at), loop.held_days)
    loop.held_days = max([loop.held_days, *windows])
    return [LoopHeld(**about_loop(loop, now), days=window) for window in windows]
