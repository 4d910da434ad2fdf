"""What people wrote about a case that is withdrawn upstream is erased; what was done, by whom and when, stays."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial import words
from services.remedial.models import Action, Loop, Step, Text
from shared.events import AssessmentWithdrawn, Event, TextErased


async def erase(session: AsyncSession, withdrawn: Sequence[AssessmentWithdrawn]) -> list[Event]:
    """Erase every word that people wrote about the actions of these cases, here and for whoever reads the texts."""
    gone = {each.assessment_id: each for each in withdrawn}
    loops = sa.select(Loop).where(col(Loop.assessment_id).in_(gone)).order_by(col(Loop.audit_id)).with_for_update()
    found = (await session.execute(loops)).scalars().all() if gone else []
    return [event for loop in found for event in await _erase(session, loop, gone[loop.assessment_id])]


async def _erase(session: AsyncSession, loop: Loop, withdrawn: AssessmentWithdrawn) -> list[TextErased]:
    actions = sa.select(col(Action.action_id)).where(col(Action.audit_id) == loop.audit_id)
    reasons = sa.select(col(Step.text_id)).where(col(Step.action_id).in_(actions), col(Step.text_id).is_not(None))
    mine = sa.or_(col(Text.text_id).in_(actions), col(Text.text_id).in_(reasons))
    query = sa.select(col(Text.text_id), col(Text.version)).where(mine, col(Text.erased).is_(False))
    rows = (await session.execute(query.order_by(col(Text.text_id)))).all()
    erased = [
        TextErased(occurred_at=withdrawn.occurred_at, version=row.version + 1, text_id=row.text_id) for row in rows
    ]
    for event in erased:
        await words.keep(session, event)
    return erased
