"""What else one action answers, for its page: findings of its audit, or of others, that were merged with it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial.domain import oversight
from services.remedial.domain.life import OPEN
from services.remedial.models import Action, CaseLink, Join, Joined, Loop
from services.remedial.queries import Seen, moderators_of, visible
from services.remedial.words import Words, words_of
from shared.access import Scope


@dataclass(frozen=True)
class Answered:
    """A finding that the action answers too. `reads` says whether this person may read its words."""

    joined: Joined
    case_id: str | None
    words: Words
    reads: bool
    here: bool
    """Of the action's own audit."""


@dataclass(frozen=True)
class AnswersToo:
    """How many other findings an action answers: of its own audit, and of others."""

    here: int = 0
    elsewhere: int = 0

    @property
    def in_words(self) -> str:
        """For a line of a list; nothing where it answers its own finding alone."""
        both = self.here + self.elsewhere
        others = "another audit" if self.elsewhere == 1 else "other audits"
        match (self.here, self.elsewhere):
            case (0, 0):
                return ""
            case (_, 0):
                return f"Also answers {'another finding' if both == 1 else f'{both} other findings'} of its audit"
            case (0, _):
                return f"Also answers {'a finding' if both == 1 else f'{both} findings'} of {others}"
            case _:
                return f"Also answers {both} other findings, {self.elsewhere} of {others}"


async def answers_too(session: AsyncSession, scope: Scope, action_ids: Sequence[UUID]) -> dict[UUID, AnswersToo]:
    """Of each of these actions that this person sees and that answers other findings too, how many."""
    here = col(Joined.audit_id) == col(Action.audit_id)
    query = (
        sa.select(col(Action.action_id), sa.func.count().filter(here), sa.func.count().filter(~here))
        .join(Joined, col(Joined.action_id) == col(Action.action_id))
        .where(col(Action.action_id).in_(action_ids), col(Joined.join) == Join.JOINED, visible(scope))
        .group_by(col(Action.action_id))
    )
    return {action_id: AnswersToo(own, other) for action_id, own, other in await session.execute(query)}


async def answered(session: AsyncSession, scope: Scope, seen: Seen) -> list[Answered]:
    """The findings that an action which this person sees answers too, those of its own audit first."""
    query = (
        sa.select(Joined, Loop, col(CaseLink.case_id))
        .join(Loop, col(Loop.audit_id) == col(Joined.audit_id))
        .outerjoin(CaseLink, col(CaseLink.child_id) == col(Loop.child_id))
        .where(col(Joined.action_id) == seen.action.action_id, col(Joined.join) == Join.JOINED)
        .order_by(col(Joined.audit_id) != seen.action.audit_id, col(Joined.audit_id), col(Joined.finding_id))
    )
    rows = (await session.execute(query)).all()
    words = await words_of(session, [joined.finding_id for joined, _, _ in rows])
    return [
        Answered(
            joined,
            case_id,
            words[joined.finding_id],
            await _reads(session, scope, seen, loop),
            joined.audit_id == seen.action.audit_id,
        )
        for joined, loop, case_id in rows
    ]


async def _reads(session: AsyncSession, scope: Scope, seen: Seen, loop: Loop) -> bool:
    """By the rule for an action, with the finding's own audit in place of the action's."""
    whose = replace(
        seen.concerned,
        auditor_id=loop.auditor_id,
        worker_id=loop.worker_id,
        authorised_by=loop.authorised_by,
        moderators=await moderators_of(session, loop.audit_id),
    )
    return oversight.reads_words(scope, whose)


async def waited_for(session: AsyncSession, scope: Scope, audit_id: UUID) -> Sequence[UUID]:
    """The actions of other audits that keep this audit's loop open, for whoever sees an action of this audit."""
    query = (
        sa.select(col(Joined.action_id))
        .outerjoin(Action, col(Action.action_id) == col(Joined.action_id))
        .where(
            col(Joined.audit_id) == audit_id,
            col(Joined.join) != Join.ALONE,
            col(Joined.action_audit_id).is_distinct_from(audit_id),
            sa.or_(col(Action.state).is_(None), col(Action.state).in_(sorted(OPEN))),
            sa.exists().where(col(Action.audit_id) == audit_id, visible(scope)).correlate(None),
        )
    )
    return (await session.execute(query)).scalars().all()
