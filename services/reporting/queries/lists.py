"""The lists that figures open: single audits and actions, each linking to its owner's page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.reporting.domain.facts import EPISODES, ActionStatus, AuditStatus
from services.reporting.domain.filters import Filters
from services.reporting.models import Action, Audit, Child
from services.reporting.queries.narrowing import (
    IS_FIRST,
    Condition,
    Lines,
    chosen_actions,
    chosen_audits,
    counted_actions,
    counted_audits,
    listed_actions,
    listed_audits,
)
from shared.access import Scope

PAGE = 25

Row = TypeVar("Row")


@dataclass(frozen=True)
class Listing(Generic[Row]):
    """One page of a list, and how many there are."""

    rows: Sequence[Row]
    total: int
    number: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE))


@dataclass(frozen=True)
class AuditLine:
    """One sampled case in a list, with the case's id where it is known."""

    audit_id: UUID
    case_id: str | None
    theme_id: str
    kind: str
    team_id: str | None
    worker_id: str | None
    auditor_id: str | None
    authorised_on: date | None
    sampled_on: date | None
    due_on: date | None
    status: str
    rag: str | None
    completed_at: datetime | None
    re_audit_of: UUID | None = None

    @property
    def was_finished(self) -> bool:
        """Whether the work was finished when it was drawn; else it has no age."""
        return self.kind not in EPISODES

    @property
    def href(self) -> str:
        return f"/audit/audits/{self.audit_id}"


@dataclass(frozen=True)
class ActionLine:
    """One action in a list, with the case's id where it is known."""

    action_id: UUID
    case_id: str | None
    audit_id: UUID
    theme_id: str
    domain: str
    severity: str
    team_id: str | None
    owner_id: str | None
    auditor_id: str | None
    status: str
    due_at: datetime | None
    raised_at: datetime | None
    reported_at: datetime | None
    escalated_step: int

    @property
    def href(self) -> str:
        return f"/remedial/actions/{self.action_id}"


AUDIT_LISTS: dict[str, Condition] = {
    "all": sa.and_(IS_FIRST, col(Audit.status) != AuditStatus.WITHDRAWN),
    "waiting": sa.and_(IS_FIRST, col(Audit.status).in_([AuditStatus.SAMPLED, AuditStatus.ALLOCATED])),
    "completed": sa.and_(IS_FIRST, col(Audit.status) == AuditStatus.COMPLETED),
    "re-audits": sa.and_(sa.not_(IS_FIRST), col(Audit.status) == AuditStatus.COMPLETED),
}
"""The lists of audits by the word in their address. They count what the figures of the same name count."""


def action_lists(at: datetime) -> dict[str, Condition]:
    """The lists of actions by the word in their address. They count what the figures of the same name count."""
    is_open = col(Action.status) == ActionStatus.OPEN
    asked_for = col(Action.status) != ActionStatus.WITHDRAWN
    return {
        "all": asked_for,
        "open": is_open,
        "overdue": sa.and_(is_open, col(Action.due_at) < at),
        "reported": col(Action.status) == ActionStatus.REPORTED,
        "verified": col(Action.status) == ActionStatus.VERIFIED,
        "extended": sa.and_(asked_for, col(Action.extensions) > 0),
        "reassigned": sa.and_(asked_for, col(Action.reassignments) > 0),
    }


async def audits(
    session: AsyncSession, scope: Scope, filters: Filters, *, status: str, rag: str | None, number: int
) -> Listing[AuditLine]:
    """The audits behind a figure, of those that this person may be shown: the newest first."""
    condition = sa.and_(listed_audits(scope), counted_audits(scope), chosen_audits(filters), AUDIT_LISTS[status])
    if rag is not None:
        condition = sa.and_(condition, col(Audit.rag) == rag)
    total = await _total(session, Audit, condition)
    query = audit_lines().where(condition)
    query = query.order_by(col(Audit.completed_at).desc().nulls_first(), col(Audit.due_on), col(Audit.audit_id))
    return Listing(await read_audits(session, query.limit(PAGE).offset((number - 1) * PAGE)), total, number)


async def actions(
    session: AsyncSession, scope: Scope, filters: Filters, *, status: str, at: datetime, number: int
) -> Listing[ActionLine]:
    """The actions behind a figure, of those that this person may be shown: the longest due first."""
    chosen = action_lists(at)[status]
    condition = sa.and_(listed_actions(scope), counted_actions(scope), chosen_actions(filters), chosen)
    condition = sa.and_(condition, col(Action.raised_at).is_not(None))
    total = await _total(session, Action, condition)
    query = action_lines().where(condition).order_by(col(Action.due_at), col(Action.action_id))
    return Listing(await read_actions(session, query.limit(PAGE).offset((number - 1) * PAGE)), total, number)


def audit_lines() -> Lines:
    """Every column of an audit's line; a condition and an order are still to come."""
    names = [name for name in AuditLine.__dataclass_fields__ if name not in ("audit_id", "case_id")]
    columns = [getattr(Audit, name) for name in names]
    return sa.select(col(Audit.audit_id), col(Child.case_id), *columns).outerjoin(
        Child, col(Child.child_id) == col(Audit.child_id)
    )


def action_lines() -> Lines:
    """Every column of an action's line; a condition and an order are still to come."""
    names = [name for name in ActionLine.__dataclass_fields__ if name not in ("action_id", "case_id")]
    columns = [getattr(Action, name) for name in names]
    return sa.select(col(Action.action_id), col(Child.case_id), *columns).outerjoin(
        Child, col(Child.child_id) == col(Action.child_id)
    )


async def read_audits(session: AsyncSession, query: Lines) -> list[AuditLine]:
    """The lines that a query made with `audit_lines` gives."""
    return [AuditLine(**row) for row in (await session.execute(query)).mappings()]


async def read_actions(session: AsyncSession, query: Lines) -> list[ActionLine]:
    """The lines that a query made with `action_lines` gives."""
    return [ActionLine(**row) for row in (await session.execute(query)).mappings()]


async def _total(session: AsyncSession, table: type[Audit] | type[Action], condition: Condition) -> int:
    return (await session.execute(sa.select(sa.func.count()).select_from(table).where(condition))).scalar_one()
