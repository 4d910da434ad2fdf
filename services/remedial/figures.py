"""How the open actions stand, for the metrics: counted over all of them, named by pile, never by person or team."""

from datetime import datetime
from typing import cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial import metrics, queries
from services.remedial.calendar import proclaimed
from services.remedial.domain.piles import Pile
from services.remedial.models import Action
from services.remedial.queries import Days
from shared.working_days import local_date


async def measure(now: datetime, session: AsyncSession) -> None:
    """Set the gauges."""
    days = Days(local_date(now), await proclaimed(session))
    columns = [sa.func.count().filter(queries.in_pile(pile, days)) for pile in Pile]
    oldest = sa.func.min(col(Action.due_at)).filter(queries.in_pile(Pile.OVERDUE, days))
    row = (await session.execute(sa.select(*columns, oldest).select_from(Action).where(queries.IS_OPEN))).one()
    counts, since = list(row)[:-1], cast("datetime | None", row[-1])
    for pile, count in zip(Pile, counts, strict=True):
        metrics.ACTIONS.labels(pile).set(count)
    metrics.OLDEST_OVERDUE.set((now - since).total_seconds() if since else 0)
