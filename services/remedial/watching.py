"""When a day begins: owners are reminded, and what is overdue climbs one step, each once."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial import absence, queries
from services.remedial.calendar import proclaimed
from services.remedial.domain.life import Move, can
from services.remedial.domain.notices import Kind
from services.remedial.domain.watching import reminders_of, step_due
from services.remedial.hand import SYSTEM, Hand
from services.remedial.models import Action, Loop
from services.remedial.notices import note_action
from services.remedial.settings import current
from shared.access import people
from shared.events import ActionEscalated, Event

TEAM_MANAGER_STEP = 1


async def remind(session: AsyncSession, day: date, now: datetime) -> None:
    """Note for owners what is due today, or on the next working day; for managers what falls due in leave."""
    await absence.flag(session, day, now)
    reminders = reminders_of(day, await proclaimed(session))
    query = sa.select(Action).where(queries.IS_TO_DO, col(Action.due_on).in_(reminders))
    for action in (await session.execute(query)).scalars():
        kind = Kind(reminders[action.due_on])
        await note_action(session, action.owner_id, kind, action, now, occasion=action.due_on.isoformat())


async def late(session: AsyncSession, day: date) -> list[Action]:
    """What is overdue as `day` begins, and late enough to climb a step."""
    ladder, off = current().escalate_after, await proclaimed(session)
    query = sa.select(Action).where(
        queries.IS_TO_DO, col(Action.watched_from) < day, col(Action.escalated_step) < len(ladder)
    )
    found = (await session.execute(query.order_by(col(Action.audit_id), col(Action.action_id)))).scalars()
    return [each for each in found if step_due(day, each.watched_from, each.escalated_step, ladder, off)]


async def escalate(
    session: AsyncSession, loops: Mapping[UUID, Loop], overdue: Sequence[Action], day: date, now: datetime
) -> list[Event]:
    """Let what is overdue climb a step: to the team manager, later to the head of service. Its loops are locked."""
    return [event for each in overdue for event in await _climb(session, loops[each.audit_id], each, day, now)]


async def _climb(session: AsyncSession, loop: Loop, action: Action, day: date, now: datetime) -> list[Event]:
    await session.refresh(action)
    # Asked again under the lock: it may have been reported, or have changed hands, since it was looked up.
    off = await proclaimed(session)
    step = step_due(day, action.watched_from, action.escalated_step, current().escalate_after, off)
    if step is None or not can(action.state_now, Move.ESCALATE):
        return []
    action.escalated_step, action.escalated_at = step, now
    action.escalated_to = await _next_one_up(session, action, step)
    action.acknowledged_by = action.acknowledged_at = None
    hand = Hand(session, loop, action, SYSTEM, now)
    hand.step(Move.ESCALATE, told=action.escalated_to)
    kind = Kind.ESCALATED_IN_LEAVE if await absence.is_away(session, action.owner_id, day) else Kind.ESCALATED
    await note_action(session, action.escalated_to, kind, action, now, f"{step}:{action.watched_from}")
    await hand.tell_pages()
    return [ActionEscalated(**hand.about(), step=step, to=action.escalated_to)]


async def _next_one_up(session: AsyncSession, action: Action, step: int) -> str | None:
    """The team's manager, then the head of its service; never the owner, nor who signed off work that it is about."""
    implicated = {action.owner_id, action.authorised_by, *await queries.who_signed_off_too(session, action.action_id)}
    above: list[people.Person] = []
    if step == TEAM_MANAGER_STEP and action.team_id is not None:
        above = await people.managers_of(session, action.team_id)
    fitting = [each.person_id for each in above if each.person_id not in implicated]
    if fitting:
        return fitting[0]
    service = await queries.service_of(session, action.team_id)
    heads = await people.heads_of(session, service) if service else []
    return next((each.person_id for each in heads if each.person_id not in implicated), None)
