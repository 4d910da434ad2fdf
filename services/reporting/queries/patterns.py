"""Patterns: what was found again and again in a team, for whoever answers for it or counts everything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.reporting.models import Pattern
from services.reporting.queries.narrowing import Condition, answers_for
from shared.access import Role, Scope

OF_EVERYBODY = (Role.LEAD_AUDITOR, Role.BUSINESS_SUPPORT, Role.QA_MANAGER, Role.DCS)
LATELY = timedelta(days=31)
"""What a home calls the month."""
SHOWN = 3
MOST = 100


async def of_the_month(session: AsyncSession, scope: Scope, now: datetime) -> Sequence[Pattern]:
    """The latest patterns of the month in the teams that this person answers for."""
    if not scope.has(Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE, Role.DCS):
        return []
    return await between(session, scope, now - LATELY, now, most=SHOWN)


async def between(
    session: AsyncSession, scope: Scope, since: datetime, until: datetime, *, most: int = MOST
) -> Sequence[Pattern]:
    """The patterns detected in this time that this person may see, the latest first."""
    when = [col(Pattern.detected_at) >= since, col(Pattern.detected_at) < until]
    query = sa.select(Pattern).where(_seen(scope), *when).order_by(col(Pattern.detected_at).desc()).limit(most)
    return (await session.execute(query)).scalars().all()


def _seen(scope: Scope) -> Condition:
    if scope.has(*OF_EVERYBODY):
        return sa.true()
    return sa.or_(sa.false(), *answers_for(scope, col(Pattern.team_id)))
