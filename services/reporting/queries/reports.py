"""Reports to the board as a person may see them: drafts only by whoever writes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.reporting.domain.board_report import FrozenFigures, Stage, month_before, next_month
from services.reporting.domain.facts import rewound
from services.reporting.domain.figures import by_theme, compute
from services.reporting.domain.filters import Filters
from services.reporting.domain.trends import midnight
from services.reporting.models import Report
from services.reporting.queries.board import facts_for
from services.reporting.queries.narrowing import Condition
from shared.access import Role, Scope

DRAFTS = (Role.BUSINESS_SUPPORT, Role.QA_MANAGER)
PUBLISHES = (Role.QA_MANAGER,)
READS = (*DRAFTS, Role.BOARD, Role.DCS, Role.SPONSOR)


def _visible(scope: Scope) -> Condition:
    if scope.has(*DRAFTS):
        return sa.true()
    return col(Report.stage) == Stage.PUBLISHED if scope.has(*READS) else sa.false()


async def reports(session: AsyncSession, scope: Scope) -> Sequence[Report]:
    """Every edition that this person may see, the newest month first."""
    order = (col(Report.month).desc(), col(Report.report_id), col(Report.edition).desc())
    return (await session.execute(sa.select(Report).where(_visible(scope)).order_by(*order))).scalars().all()


async def latest(session: AsyncSession, scope: Scope) -> Report | None:
    """The published report that the board reads now."""
    published = sa.and_(_visible(scope), col(Report.stage) == Stage.PUBLISHED)
    order = (col(Report.month).desc(), col(Report.published_at).desc())
    return (await session.execute(sa.select(Report).where(published).order_by(*order).limit(1))).scalar_one_or_none()


async def report(
    session: AsyncSession, scope: Scope, report_id: UUID, edition: int, *, lock: bool = False
) -> Report | None:
    """One edition, locked where it is about to change; None where this person may not see it."""
    query = sa.select(Report).where(_visible(scope), col(Report.report_id) == report_id, col(Report.edition) == edition)
    return (await session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()


async def editions(session: AsyncSession, scope: Scope, report_id: UUID) -> Sequence[Report]:
    """Every edition of one report that this person may see, the newest first."""
    query = sa.select(Report).where(_visible(scope), col(Report.report_id) == report_id)
    return (await session.execute(query.order_by(col(Report.edition).desc()))).scalars().all()


async def figures_of(session: AsyncSession, scope: Scope, held: Report, now: datetime) -> FrozenFigures:
    """What the report's figures are now, of its month as it stood at its end (at `now`, while it lasts)."""
    end = min(midnight(next_month(held.month)), now)
    whole = Filters(programme=held.programme_id)
    month = whole.model_copy(
        update={"since": held.month, "until": next_month(held.month) - timedelta(days=1)},
    )
    before = whole.model_copy(update={"since": month_before(held.month), "until": held.month - timedelta(days=1)})
    in_month = rewound(await facts_for(session, scope, month, end), end)
    earlier = rewound(await facts_for(session, scope, before, midnight(held.month)), midnight(held.month))
    so_far = rewound(await facts_for(session, scope, whole, end), end)
    return FrozenFigures(
        month=compute(in_month),
        before=compute(earlier),
        so_far=compute(so_far),
        themes=by_theme(in_month),
        themes_so_far=by_theme(so_far),
    )
