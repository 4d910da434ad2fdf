"""What people wrote and attached about a case that is withdrawn upstream is erased; what was done, by whom, stays."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial import attachments, words
from services.remedial.loops import locked_loops
from services.remedial.models import Action, Join, Joined, Loop, Step, Text, Unsettled
from shared.events import AssessmentWithdrawn, Event, TextErased


async def about(session: AsyncSession, withdrawn: Sequence[AssessmentWithdrawn]) -> Sequence[UUID]:
    """The audits of these cases."""
    gone = {each.assessment_id for each in withdrawn}
    query = sa.select(col(Loop.audit_id)).where(col(Loop.assessment_id).in_(gone))
    return (await session.execute(query)).scalars().all()


async def erase(session: AsyncSession, loops: Iterable[Loop], withdrawn: Sequence[AssessmentWithdrawn]) -> list[Event]:
    """Erase every word and file about the actions of these cases, here and for whoever reads the texts.

    `loops` are locked; those of other cases among them are left alone.
    """
    gone = {each.assessment_id: each.occurred_at for each in withdrawn}
    events: list[Event] = []
    for loop in (each for each in loops if each.assessment_id in gone):
        of_loop = sa.select(col(Action.action_id)).where(col(Action.audit_id) == loop.audit_id)
        actions = (await session.execute(of_loop)).scalars().all()
        events += await _erase(session, loop, actions, gone[loop.assessment_id])
    return events


async def hold(session: AsyncSession, finding_ids: Collection[UUID]) -> None:
    """Lock the loops of these findings' actions: whoever moves one holds its loop before it touches its words."""
    if finding_ids:
        theirs = sa.select(col(Action.audit_id)).where(col(Action.finding_id).in_(finding_ids))
        await locked_loops(session, (await session.execute(theirs)).scalars())


async def erase_with_findings(session: AsyncSession, finding_ids: Collection[UUID], at: datetime) -> list[Event]:
    """Erase what was said of the actions of those findings whose own words are erased.

    Topics have no order between them: the withdrawal may have been heard before the audit, or its words be erased
    before its actions are raised. Whichever comes last brings the erasure.
    """
    query = sa.select(col(Action.audit_id), col(Action.action_id)).join(
        Text, col(Text.text_id) == col(Action.finding_id)
    )
    query = query.where(col(Action.finding_id).in_(finding_ids), col(Text.erased))
    found = (await session.execute(query)).all() if finding_ids else []
    events: list[Event] = []
    for audit_id, loop in (await locked_loops(session, (row.audit_id for row in found))).items() if found else ():
        actions = [row.action_id for row in found if row.audit_id == audit_id]
        events += await _erase(session, loop, actions, at)
    return events


async def _erase(session: AsyncSession, loop: Loop, actions: Sequence[UUID], at: datetime) -> list[Event]:
    await _note_joined(session, loop, actions, at)
    return [*await _erase_words(session, actions, at), *await attachments.erase(session, loop, actions, at)]


async def _note_joined(session: AsyncSession, loop: Loop, actions: Sequence[UUID], at: datetime) -> None:
    """Note whose findings these actions answer too: other cases', of which something has to be said still."""
    others = [col(Joined.audit_id) != loop.audit_id, col(Joined.join) == Join.JOINED]
    whose = sa.select(col(Joined.audit_id), sa.literal(at, sa.DateTime(timezone=True)))
    whose = whose.where(col(Joined.action_id).in_(actions), *others).distinct()
    await session.execute(sa.insert(Unsettled).from_select(["audit_id", "at"], whose))


async def _erase_words(session: AsyncSession, actions: Sequence[UUID], at: datetime) -> list[TextErased]:
    """The mark of an erasure goes to every action, with words or without, so that none is written about it later."""
    given = sa.select(col(Step.text_id)).where(col(Step.action_id).in_(actions), col(Step.text_id).is_not(None))
    ids = {*actions, *(await session.execute(given)).scalars()}
    texts = (await session.execute(sa.select(Text).where(col(Text.text_id).in_(ids)))).scalars()
    held = {text.text_id: text for text in texts}
    erased = [
        TextErased(occurred_at=at, version=held[text_id].version + 1 if text_id in held else 1, text_id=text_id)
        for text_id in sorted(ids)
        if text_id not in held or not held[text_id].erased
    ]
    for event in erased:
        await words.keep(session, event)
    return erased
