"""People come and go: the work of whoever left goes to who stands in; what nobody owned finds whom it was meant for."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial import queries
from services.remedial.domain.life import Move, can
from services.remedial.domain.notices import Kind
from services.remedial.domain.ownership import Owner, owner_of
from services.remedial.hand import SYSTEM, Hand
from services.remedial.loops import locked_loops
from services.remedial.models import Action, Loop
from services.remedial.notices import note_support
from shared.access import people
from shared.events import ActionReassigned, Event, PersonRecorded
from shared.working_days import local_date


async def follow_people(session: AsyncSession, recorded: Sequence[PersonRecorded]) -> list[Event]:
    """Hand over the open actions of whoever left, and give those that nobody owns to whom they were meant for."""
    latest = {person.person_id: person for person in sorted(recorded, key=lambda each: each.version)}
    told = [person for _, person in sorted(latest.items()) if not await _is_known_better(session, person)]
    if not told:
        return []
    theirs = sa.select(col(Action.audit_id)).where(queries.IS_TO_DO, sa.or_(*(_concerned(person) for person in told)))
    loops = await locked_loops(session, (await session.execute(theirs)).scalars())
    return [event for person in told for event in await _follow(session, person, loops)]


async def _is_known_better(session: AsyncSession, person: PersonRecorded) -> bool:
    """Whether the directory is ahead: who came back must not lose their work to news of an earlier leaving."""
    known = await people.person(session, person.person_id)
    return known is not None and known.version > person.version


def _concerned(person: PersonRecorded) -> sa.ColumnElement[bool]:
    """What they own, where they left; what nobody owns and was meant for them, where they are here."""
    meant = sa.func.coalesce(col(Action.named_owner), col(Action.worker_id)) == person.person_id
    unowned = sa.and_(col(Action.owner_id).is_(None), meant)
    return unowned if person.active else col(Action.owner_id) == person.person_id


async def _follow(session: AsyncSession, person: PersonRecorded, loops: Mapping[UUID, Loop]) -> list[Event]:
    query = sa.select(Action).where(queries.IS_TO_DO, _concerned(person), col(Action.audit_id).in_(loops))
    query = query.order_by(col(Action.audit_id), col(Action.action_id)).execution_options(populate_existing=True)
    found = (await session.execute(query)).scalars().all()
    return [event for each in found for event in await _hand_over(session, loops[each.audit_id], each, person)]


async def _hand_over(session: AsyncSession, loop: Loop, action: Action, person: PersonRecorded) -> list[Event]:
    if not can(action.state_now, Move.REASSIGN):
        return []
    # The event is ahead of this service's copy of the directory, or behind it: what it says of this person counts.
    owner = await _owner(session, action, person)
    if owner.person_id == action.owner_id:
        return []
    action.owner_id, action.owner_because = owner.person_id, owner.because
    action.watch_from(max(action.due_on, local_date(person.occurred_at)))
    hand = Hand(session, loop, action, SYSTEM, person.occurred_at)
    hand.step(Move.REASSIGN)
    await hand.note(Kind.HANDED_OVER, owner.person_id)
    if owner.person_id is None:
        await note_support(session, action, person.occurred_at, str(loop.version))
    await hand.tell_pages()
    return [ActionReassigned(**hand.about(), by=SYSTEM, owner_id=owner.person_id, team_id=action.team_id)]


async def _owner(session: AsyncSession, action: Action, person: PersonRecorded) -> Owner:
    managers = await people.managers_of(session, action.team_id) if action.team_id else []
    standing_in = [each.person_id for each in managers if each.person_id != person.person_id or person.active]
    active = {person.person_id: person.active}
    return owner_of(person.person_id, None, action.team_id, active, {action.team_id or "": standing_in})
