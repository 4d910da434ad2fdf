"""What people wrote and attached about a case that is withdrawn upstream is erased; what was done, by whom, stays."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial import attachments, words
from services.remedial.models import Action, Loop, Step, Text
from shared.events import AssessmentWithdrawn, Event, TextErased


async def erase(session: AsyncSession, withdrawn: Sequence[AssessmentWithdrawn]) -> list[Event]:
    """Erase every word and file about the actions of these cases, here and for whoever reads the texts."""
    gone = {each.assessment_id: each for each in withdrawn}
    loops = sa.select(Loop).where(col(Loop.assessment_id).in_(gone)).order_by(col(Loop.audit_id)).with_for_update()
    found = (await session.execute(loops)).scalars().all() if gone else []
    events: list[Event] = []
    for loop in found:
        withdrawn_case = gone[loop.assessment_id]
        events += await _erase_words(session, loop, withdrawn_case)
        events += await attachments.erase(session, loop, withdrawn_case.occurred_at)
    return events


async def _erase_words(session: AsyncSession, loop: Loop, withdrawn: AssessmentWithdrawn) -> list[TextErased]:
    """The mark of an erasure goes to every action, with words or without, so that none is written about it later."""
    of_loop = sa.select(col(Action.action_id)).where(col(Action.audit_id) == loop.audit_id)
    actions = (await session.execute(of_loop)).scalars().all()
    given = sa.select(col(Step.text_id)).where(col(Step.action_id).in_(actions), col(Step.text_id).is_not(None))
    ids = {*actions, *(await session.execute(given)).scalars()}
    held = {
        row.text_id: row for row in (await session.execute(sa.select(Text).where(col(Text.text_id).in_(ids)))).scalars()
    }
    standing = [text_id for text_id in sorted(ids) if text_id not in held or not held[text_id].erased]
    erased = [
        TextErased(
            occurred_at=withdrawn.occurred_at,
            version=held[text_id].version + 1 if text_id in held else 1,
            text_id=text_id,
        )
        for text_id in standing
    ]
    for event in erased:
        await words.keep(session, event)
    return erased
