"""The note for the child's file: that an audit's loop is closed, which the case system can pick up."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial import queries
from services.remedial.domain.life import State
from services.remedial.models import Action, CaseLink, Join, Joined, Loop
from shared.access import Role, Scope


@dataclass(frozen=True)
class LoopNote:
    """What the file should say: codes and dates, under the case system's own id of the child."""

    audit_id: UUID
    case_id: str | None
    standing: str
    before: str
    after: str | None
    closed_at: datetime | None
    held_days: int
    came_back: bool
    actions_verified: int


async def note_of(session: AsyncSession, scope: Scope, audit_id: UUID) -> LoopNote | None:
    """The note of one audit, or None where this person sees none of the actions that its loop waits for."""
    joined = sa.select(col(Joined.action_id)).where(
        col(Joined.audit_id) == col(Loop.audit_id), col(Joined.join) == Join.JOINED
    )
    own = col(Action.audit_id) == col(Loop.audit_id)
    waited_for = sa.or_(own, col(Action.action_id).in_(joined))
    verified = sa.select(sa.func.count()).select_from(Action).where(waited_for, col(Action.state) == State.VERIFIED)
    # Whoever moderated the other audit has nothing to do with this one
    otherwise = replace(scope, roles=scope.roles - {Role.MODERATOR})
    may = sa.or_(sa.and_(own, queries.visible(scope)), sa.and_(waited_for, queries.visible(otherwise)))
    query = (
        sa.select(Loop, col(CaseLink.case_id), verified.correlate(Loop).scalar_subquery())
        .outerjoin(CaseLink, col(CaseLink.child_id) == col(Loop.child_id))
        .where(col(Loop.audit_id) == audit_id, sa.exists().where(may).correlate(Loop))
    )
    row = (await session.execute(query)).first()
    if row is None:
        return None
    loop, case_id, count = row
    return LoopNote(
        audit_id=audit_id,
        case_id=case_id,
        standing=loop.standing,
        before=loop.grade,
        after=loop.grade_after,
        closed_at=loop.closed_at,
        held_days=loop.held_days,
        came_back=loop.came_back,
        actions_verified=count,
    )
