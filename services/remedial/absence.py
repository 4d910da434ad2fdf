"""Leave as it is recorded, and what it touches: deadlines inside it are shown to a manager and stay where they are."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial import queries
from services.remedial.domain.leave import Away, away_until, why_not
from services.remedial.domain.notices import Kind
from services.remedial.domain.refusal import Refused
from services.remedial.models import Action, Leave
from services.remedial.moves import By
from services.remedial.notices import note_action
from shared.access import Role, Scope, people
from shared.events import Event, LeaveRecorded, LeaveRemoved
from shared.working_days import local_date

KEEPS_EVERYBODYS = (Role.BUSINESS_SUPPORT,)
OWNS = (Role.PRACTITIONER, Role.TEAM_MANAGER)
SHOWN = 200


async def answered_for(session: AsyncSession, scope: Scope, today: date) -> list[people.Person]:
    """Whose leave this person may record: their teams' people; for business support, everybody who may own actions."""
    able = await people.people_with_role(session, *OWNS)
    if scope.has(*KEEPS_EVERYBODYS):
        return able
    return [each for each in able if each.teams_on(today) & scope.teams and each.person_id != scope.person_id]


async def record(session: AsyncSession, by: By, person_id: str, away: Away) -> list[Event]:
    """Record leave, and tell managers at once which deadlines fall into it.

    Raises:
        Refused: with the field that says what is wrong.
    """
    today = local_date(by.now)
    if person_id not in {each.person_id for each in await answered_for(session, by.scope, today)}:
        raise Refused("Choose somebody from the list", "person")
    if (wrong := why_not(away, today)) is not None:
        raise Refused(wrong, "last_on")
    leave = Leave(
        leave_id=uuid4(),
        person_id=person_id,
        first_on=away.first_on,
        last_on=away.last_on,
        recorded_by=by.scope.person_id,
        recorded_at=by.now,
    )
    session.add(leave)
    await session.flush()
    await flag(session, today, by.now)
    return [
        LeaveRecorded(
            occurred_at=by.now,
            leave_id=leave.leave_id,
            person_id=person_id,
            first_on=away.first_on,
            last_on=away.last_on,
        )
    ]


async def remove(session: AsyncSession, by: By, leave_id: UUID) -> list[Event]:
    """It was a mistake, or it was called off; nothing where it does not exist for this person."""
    able = [each.person_id for each in await answered_for(session, by.scope, local_date(by.now))]
    statement = sa.delete(Leave).where(col(Leave.leave_id) == leave_id, col(Leave.person_id).in_(able))
    removed = await session.execute(statement.returning(col(Leave.person_id)))
    return [
        LeaveRemoved(occurred_at=by.now, version=2, leave_id=leave_id, person_id=person_id)
        for person_id in removed.scalars()
    ]


async def to_come(session: AsyncSession, scope: Scope, today: date) -> Sequence[Leave]:
    """The leave that is not over, of those whom this person answers for, the first on top."""
    able = [each.person_id for each in await answered_for(session, scope, today)]
    query = sa.select(Leave).where(col(Leave.last_on) >= today, col(Leave.person_id).in_(able))
    return (
        (await session.execute(query.order_by(col(Leave.first_on), col(Leave.person_id)).limit(SHOWN))).scalars().all()
    )


async def away_on(session: AsyncSession, scope: Scope, day: date) -> dict[str, date]:
    """Who is away on that day and until when, for whoever may give somebody an action."""
    overseers = (Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE, Role.BUSINESS_SUPPORT, Role.QA_MANAGER)
    return await _away(session, day) if scope.has(*overseers) else {}


async def is_away(session: AsyncSession, person_id: str | None, day: date) -> bool:
    """Whether an owner is away on that day."""
    return person_id is not None and person_id in await _away(session, day)


async def _away(session: AsyncSession, day: date) -> dict[str, date]:
    query = sa.select(Leave).where(col(Leave.first_on) <= day, col(Leave.last_on) >= day)
    spans: dict[str, list[Away]] = defaultdict(list)
    for leave in (await session.execute(query)).scalars():
        spans[leave.person_id].append(Away(leave.first_on, leave.last_on))
    found = {person_id: away_until(day, leave) for person_id, leave in spans.items()}
    return {person_id: until for person_id, until in found.items() if until is not None}


async def flag(session: AsyncSession, today: date, now: datetime) -> None:
    """Note for the owner's managers each action that falls due while its owner is away, once for each due date."""
    falls_in = sa.and_(
        col(Leave.person_id) == col(Action.owner_id),
        col(Action.due_on).between(col(Leave.first_on), col(Leave.last_on)),
    )
    query = (
        sa.select(Action)
        .where(queries.IS_TO_DO, col(Action.due_on) >= today, sa.exists().where(falls_in))
        .order_by(col(Action.action_id))
    )
    for action in (await session.execute(query)).scalars():
        for manager in await people.managers_of(session, action.team_id) if action.team_id else []:
            if manager.person_id != action.owner_id:
                await note_action(
                    session, manager.person_id, Kind.DUE_IN_LEAVE, action, now, occasion=action.due_on.isoformat()
                )
