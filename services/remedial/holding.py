"""Did the loop hold? What happens to a child after a closing, and what does not."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial.domain.hold import COMES_BACK, WINDOWS, came_back_after, held_by
from services.remedial.domain.loop import Standing
from services.remedial.domain.notices import Kind as Told
from services.remedial.loops import about_loop
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


def coming_back(recorded: Sequence[Happened]) -> list[Happened]:
    """Those of them that count as coming back."""
    return [each for each in recorded if each.kind in COMES_BACK]


async def closed_for(session: AsyncSession, back: Sequence[Happened]) -> Sequence[UUID]:
    """The audits of those children whose loops are closed, and of which it was not said yet that they came back.

    Also those of which it was said that they held: a return tells weeks later what began within the window.
    """
    children = {each.child_id for each in back}
    closed = [col(Loop.standing) == Standing.CLOSED, col(Loop.came_back).is_(False)]
    query = sa.select(col(Loop.audit_id)).where(col(Loop.child_id).in_(children), *closed)
    return (await session.execute(query)).scalars().all()


async def look_at(session: AsyncSession, loops: Iterable[Loop], back: Sequence[Happened]) -> list[Event]:
    """Say of each of these loops, which are locked, that something came after its closing: that it did not hold."""
    return [event for loop in loops for event in await _came_back(session, loop, back)]


async def _came_back(session: AsyncSession, loop: Loop, back: Sequence[Happened]) -> list[Event]:
    if loop.closed_at is None or loop.came_back:
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


async def over(session: AsyncSession, day: date, now: datetime) -> Sequence[UUID]:
    """The audits with a closed loop of which a window is over as `day` begins, in the order of their ids."""
    query = sa.select(col(Loop.audit_id), col(Loop.closed_at), col(Loop.held_days))
    query = query.where(LOOKED_AT, col(Loop.closed_at) < now).order_by(col(Loop.audit_id))
    closed = (await session.execute(query)).all()
    return [row.audit_id for row in closed if held_by(day, local_date(row.closed_at), row.held_days)]


def say_what_held(loops: Sequence[Loop], day: date, now: datetime) -> list[Event]:
    """Say of each of these loops, which are locked, that it held, where it is closed still and a window is over."""
    return [event for loop in loops for event in _held(loop, day, now)]


def _held(loop: Loop, day: date, now: datetime) -> list[Event]:
    if loop.closed_at is None or loop.came_back:
        return []
    windows = held_by(day, local_date(loop.closed_at), loop.held_days)
    loop.held_days = max([loop.held_days, *windows])
    return [LoopHeld(**about_loop(loop, now), days=window) for window in windows]
