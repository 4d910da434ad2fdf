"""Support sessions: planned, held, cancelled; who sees them, and what was said in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial import queries, words
from services.remedial.domain.notices import Kind as Told
from services.remedial.domain.refusal import Refused
from services.remedial.domain.support import Kind, Meeting, State, is_too_long_ago, not_yet_offered, reads_reflections
from services.remedial.models import Action, Pattern, SupportSession, Text
from services.remedial.moves import By
from services.remedial.notices import note
from services.remedial.words import Words, words_of
from shared.access import Role, Scope, people
from shared.access.tables import TEAM
from shared.events import Event, SessionCancelled, SessionHeld, SessionPlanned, TextWritten
from shared.working_days import local_date

SEES_ALL = (Role.QA_MANAGER, Role.BUSINESS_SUPPORT, Role.DCS, Role.LEAD_AUDITOR)
SEES_WHO_LACKS_ONE = (*SEES_ALL, Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE, Role.AUDITOR, Role.MODERATOR)
"""Whoever plans sessions."""
MOST = 50


@dataclass(frozen=True)
class Plan:
    """What somebody plans."""

    kind: Kind
    team_id: str | None
    attendees: tuple[str, ...]
    starts_at: datetime
    minutes: int
    domains: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    actions: tuple[UUID, ...] = ()
    pattern_id: UUID | None = None


class _State(TypedDict):
    occurred_at: datetime
    version: int
    session_id: UUID
    kind: str
    leader_id: str
    attendees: tuple[str, ...]
    managers: tuple[str, ...]
    starts_at: datetime
    minutes: int
    team_id: str | None
    domains: tuple[str, ...]
    themes: tuple[str, ...]
    actions: tuple[UUID, ...]
    pattern_id: UUID | None


def visible(scope: Scope) -> sa.ColumnElement[bool]:
    """The sessions that exist for this person: their own, their teams', or all for those who count them."""
    if scope.has(*SEES_ALL):
        return sa.true()
    of_services = sa.select(TEAM.c.team_id).where(TEAM.c.service.in_(sorted(scope.services)))
    return sa.or_(
        col(SupportSession.leader_id) == scope.person_id,
        col(SupportSession.attendees).contains([scope.person_id]),
        col(SupportSession.team_id).in_(sorted(scope.teams)),
        col(SupportSession.team_id).in_(of_services),
    )


def is_ones_own(scope: Scope, held: SupportSession) -> bool:
    """Whether this person may say that it was held or cancelled: who leads or planned it, and QA."""
    return scope.person_id in {held.leader_id, held.planned_by} or scope.has(Role.QA_MANAGER)


async def plan(session: AsyncSession, by: By, session_id: UUID, planned: Plan) -> list[Event]:
    """Plan a session that this person leads, under the id that its form carries; or enter one that has been.

    Raises:
        Refused: nobody is invited, somebody is not in the directory, it was too long ago, or it is to be about an
            action that does not exist for this person.
    """
    if is_too_long_ago(planned.starts_at, by.now):
        raise Refused("Choose a day that is less than a month ago, or to come.", "day")
    invited = [await people.person(session, each) for each in planned.attendees]
    known = [person for person in invited if person is not None and person.active]
    if not known or len(known) != len(planned.attendees):
        raise Refused("Choose who is invited, from the staff directory.", "attendees")
    if len(await linked(session, by.scope, planned.actions)) != len(set(planned.actions)):
        raise Refused("Choose actions from the list.", "actions")
    made = SupportSession(
        session_id=session_id,
        kind=planned.kind,
        state=State.PLANNED,
        leader_id=by.scope.person_id,
        planned_by=by.scope.person_id,
        team_id=planned.team_id,
        attendees=list(planned.attendees),
        managers=_managers(known),
        starts_at=planned.starts_at,
        minutes=planned.minutes,
        domains=list(planned.domains),
        themes=list(planned.themes),
        actions=list(planned.actions),
        pattern_id=planned.pattern_id,
    )
    session.add(made)
    # Nobody is invited to what has begun: it is entered afterwards, so that it counts
    for person_id in planned.attendees if planned.starts_at > by.now else ():
        path = f"/remedial/sessions/{made.session_id}"
        await note(session, person_id, Told.SESSION, made.session_id, by.now, path=path)
    return [SessionPlanned(**_state(made, by.now))]


def _managers(known: Sequence[people.Person]) -> list[str]:
    return [person.person_id for person in known if Role.TEAM_MANAGER in person.roles]


@dataclass(frozen=True)
class Said:
    """What came of a session: who was there, what was said and what will change, and whether others may read it."""

    attendees: tuple[str, ...]
    reflection: str
    change: str
    shared: bool


async def hold(session: AsyncSession, by: By, session_id: UUID, said: Said) -> list[Event]:
    """It was held. What was said stays with those who were there, unless it is shared."""
    held = await _take(session, by, session_id)
    if held.starts_at > by.now:
        raise Refused("It has not begun yet.")
    if not said.attendees:
        raise Refused("Choose who was there.", "attendees")
    found = [await people.person(session, each) for each in said.attendees]
    known = [person for person in found if person is not None]
    if len(known) != len(said.attendees):
        raise Refused("Choose who was there, from the staff directory.", "attendees")
    held.attendees, held.managers = list(said.attendees), _managers(known)
    held.state, held.settled_at, held.shared = State.HELD, by.now, said.shared
    held.version += 1
    parts = {"reflection": said.reflection, "change": said.change}
    written = await _keep_words(session, held, {name: each for name, each in parts.items() if each}, by.now)
    return [*written, SessionHeld(**_state(held, by.now))]


async def _keep_words(
    session: AsyncSession, held: SupportSession, parts: dict[str, str], now: datetime
) -> list[TextWritten]:
    if not parts:
        return []
    if held.shared:
        return await words.write(session, held.session_id, held.session_id, parts, now)
    # What is private to those who were there never leaves this service.
    session.add(Text(text_id=held.session_id, about=held.session_id, version=1, parts=parts))
    return []


async def cancel(session: AsyncSession, by: By, session_id: UUID) -> list[Event]:
    """It will not happen."""
    held = await _take(session, by, session_id)
    held.state, held.settled_at = State.CANCELLED, by.now
    held.version += 1
    for person_id in held.attendees if held.starts_at > by.now else ():
        path = f"/remedial/sessions/{session_id}"
        await note(session, person_id, Told.SESSION_CANCELLED, session_id, by.now, path=path)
    return [
        SessionCancelled(occurred_at=by.now, version=held.version, session_id=held.session_id, by=by.scope.person_id)
    ]


async def _take(session: AsyncSession, by: By, session_id: UUID) -> SupportSession:
    query = sa.select(SupportSession).where(col(SupportSession.session_id) == session_id).with_for_update()
    held = (await session.execute(query)).scalar_one()
    if held.state != State.PLANNED:
        raise Refused(f"This session was {held.state} already.")
    return held


def _state(held: SupportSession, now: datetime) -> _State:
    return _State(
        occurred_at=now,
        version=held.version,
        session_id=held.session_id,
        kind=held.kind,
        leader_id=held.leader_id,
        attendees=tuple(held.attendees),
        managers=tuple(held.managers),
        starts_at=held.starts_at,
        minutes=held.minutes,
        team_id=held.team_id,
        domains=tuple(held.domains),
        themes=tuple(held.themes),
        actions=tuple(held.actions),
        pattern_id=held.pattern_id,
    )


async def one(session: AsyncSession, scope: Scope, session_id: UUID) -> SupportSession | None:
    """One session, or None where it does not exist for this person."""
    query = sa.select(SupportSession).where(col(SupportSession.session_id) == session_id, visible(scope))
    return (await session.execute(query)).scalar_one_or_none()


async def reflections(session: AsyncSession, scope: Scope, held: SupportSession) -> Words | None:
    """What was said, for whoever may read it."""
    if not reads_reflections(scope.person_id, held.leader_id, held.attendees, shared=held.shared):
        return None
    return (await words_of(session, [held.session_id]))[held.session_id]


async def upcoming(session: AsyncSession, scope: Scope) -> Sequence[SupportSession]:
    """What is planned, the next first; what should have been held and is not settled stands at the top."""
    query = sa.select(SupportSession).where(visible(scope), col(SupportSession.state) == State.PLANNED)
    return (await session.execute(query.order_by(col(SupportSession.starts_at)).limit(MOST))).scalars().all()


async def past(session: AsyncSession, scope: Scope, page: int) -> Sequence[SupportSession]:
    """One page of what was held or cancelled, the latest first."""
    query = sa.select(SupportSession).where(visible(scope), col(SupportSession.state) != State.PLANNED)
    query = query.order_by(col(SupportSession.starts_at).desc())
    return (await session.execute(query.offset((page - 1) * MOST).limit(MOST))).scalars().all()


async def meetings(session: AsyncSession, scope: Scope) -> list[Meeting]:
    """The sessions held with managers that this person may see."""
    query = sa.select(SupportSession).where(visible(scope), col(SupportSession.state) == State.HELD)
    held = (await session.execute(query.where(sa.func.cardinality(col(SupportSession.managers)) > 0))).scalars()
    return [Meeting(local_date(each.starts_at), tuple(each.managers)) for each in held]


async def managers_without(session: AsyncSession, scope: Scope) -> list[str]:
    """The team managers who stand in no session yet, among those whom this person answers for or counts."""
    managers = await people.people_with_role(session, Role.TEAM_MANAGER)
    counted = {each.person_id for each in managers if scope.has(*SEES_ALL) or each.manages & scope.teams}
    query = sa.select(col(SupportSession.attendees)).where(col(SupportSession.state) != State.CANCELLED)
    return not_yet_offered(counted, (await session.execute(query)).scalars())


async def linked(session: AsyncSession, scope: Scope, actions: Sequence[UUID]) -> Sequence[Action]:
    """Those of the actions that a session is about which exist for this person."""
    query = sa.select(Action).where(col(Action.action_id).in_(actions), queries.visible(scope))
    return (await session.execute(query.order_by(col(Action.due_at)))).scalars().all() if actions else []


async def never_offered(session: AsyncSession, scope: Scope, asked: Sequence[str]) -> frozenset[str]:
    """Who of these people stands in no session, planned or held; nobody for who plans none."""
    if not asked or not scope.has(*SEES_WHO_LACKS_ONE):
        return frozenset()
    attends = col(SupportSession.attendees).op("&&", is_comparison=True)(sa.cast(list(asked), ARRAY(sa.Text)))
    query = sa.select(col(SupportSession.attendees)).where(attends, col(SupportSession.state) != State.CANCELLED)
    return frozenset(not_yet_offered(asked, (await session.execute(query)).scalars()))


async def own_record(session: AsyncSession, scope: Scope) -> list[tuple[SupportSession, Words]]:
    """The sessions that this person led or attended, with what was said: for their professional registration."""
    own = sa.or_(
        col(SupportSession.leader_id) == scope.person_id, col(SupportSession.attendees).contains([scope.person_id])
    )
    query = sa.select(SupportSession).where(own, col(SupportSession.state) == State.HELD)
    held = (await session.execute(query.order_by(col(SupportSession.starts_at)))).scalars().all()
    said = await words_of(session, [each.session_id for each in held])
    return [(each, said[each.session_id]) for each in held]


async def pattern(session: AsyncSession, scope: Scope, pattern_id: UUID | None) -> Pattern | None:
    """The pattern that a workshop is to be about."""
    return await session.get(Pattern, pattern_id) if pattern_id and scope.roles else None
