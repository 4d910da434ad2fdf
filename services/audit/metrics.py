"""Audit's business metrics, as the leader last counted. Never an id in a label."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.models import OPEN_STATES, Audit, Concern
from shared.observability.metrics import REGISTRY

AUDITS = Gauge("caseloop_audit_open_audits", "Audits that wait for somebody, by pile.", ["pile"], registry=REGISTRY)
CONCERNS = Gauge(
    "caseloop_audit_open_concerns",
    "Concerns about a child, by whether somebody has it in hand.",
    ["pile"],
    registry=REGISTRY,
)
OLDEST_CONCERN = Gauge(
    "caseloop_audit_oldest_unanswered_concern_seconds",
    "How long the oldest concern has waited for somebody to take it in hand.",
    registry=REGISTRY,
)


async def count(session: AsyncSession, now: datetime, today: date) -> None:
    """Set every gauge from what stands now."""
    is_open = col(Audit.state).in_(OPEN_STATES)
    query = sa.select(
        sa.func.count().filter(is_open, col(Audit.auditor_id).is_(None)),
        sa.func.count().filter(is_open, col(Audit.due_on) < today),
        sa.func.count().filter(is_open),
    )
    nobody, late, every = (await session.execute(query)).one()
    for pile, number in {"with_nobody": nobody, "late": late, "all": every}.items():
        AUDITS.labels(pile).set(number)
    unanswered = col(Concern.acknowledged_at).is_(None)
    found = await session.execute(
        sa.select(
            sa.func.count().filter(unanswered),
            sa.func.count().filter(sa.not_(unanswered)),
            sa.func.min(col(Concern.raised_at)).filter(unanswered),
        ).where(col(Concern.closed_at).is_(None))
    )
    waiting, in_hand, oldest = found.one()
    CONCERNS.labels("unanswered").set(waiting)
    CONCERNS.labels("in_hand").set(in_hand)
    OLDEST_CONCERN.set((now - oldest).total_seconds() if oldest else 0)
