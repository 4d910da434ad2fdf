"""Strengths: what was done well, kept so that a practitioner's list shows it beside what there is to do."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial.models import Strength
from services.remedial.words import Words, words_of
from shared.access import Scope
from shared.events import StrengthRecognised

SHOWN = 5


@dataclass(frozen=True)
class DoneWell:
    """One strength with its words."""

    strength: Strength
    words: Words


async def keep(session: AsyncSession, recognised: StrengthRecognised) -> None:
    """Keep it, once."""
    await session.execute(
        insert(Strength)
        .values(
            strength_id=recognised.strength_id,
            audit_id=recognised.audit_id,
            worker_id=recognised.worker_id,
            team_id=recognised.team_id,
            domain=recognised.domain,
            recognised_at=recognised.occurred_at,
        )
        .on_conflict_do_nothing()
    )


async def of_mine(session: AsyncSession, scope: Scope) -> list[DoneWell]:
    """The latest strengths of this person."""
    query = sa.select(Strength).where(col(Strength.worker_id) == scope.person_id)
    query = query.order_by(col(Strength.recognised_at).desc()).limit(SHOWN)
    strengths: Sequence[Strength] = (await session.execute(query)).scalars().all()
    words = await words_of(session, [each.strength_id for each in strengths])
    return [DoneWell(each, words[each.strength_id]) for each in strengths]
