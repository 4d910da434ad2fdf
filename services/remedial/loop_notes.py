"""The note for the child's file: that an audit's loop is closed, which the case system can pick up."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial import queries
from services.remedial.models import Action, CaseLink, Loop
from shared.access import Scope


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
    """The note of one audit, or None where this person sees none of its actions."""
    verified = sa.func.count().filter(col(Action.state) == "verified")
    query = (
        sa.select(Loop, col(CaseLink.case_id), verified)
        .join(Action, col(Action.audit_id) == col(Loop.audit_id))
        .outerjoin(CaseLink, col(CaseLink.child_id) == col(Loop.child_id))
        .where(col(Loop.audit_id) == audit_id, queries.visible(scope))
        .group_by(col(Loop.audit_id), col(CaseLink.case_id))
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
