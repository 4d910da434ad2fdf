"""What needs this person now: short lists for each of their roles, most urgent first, each item at its owner's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.reporting.domain.facts import ActionStatus, AuditStatus, Rag
from services.reporting.domain.filters import Filters
from services.reporting.domain.trends import week_start
from services.reporting.models import Action, Audit, Concern
from services.reporting.queries.lists import ActionLine, AuditLine, action_lines, audit_lines, read_actions, read_audits
from services.reporting.queries.narrowing import AUDITS, Column, Condition, chosen_audits, listed_actions, listed_audits
from shared.access import Role, Scope
from shared.working_days import add_working_days, end_of_working_day, local_date

SHOWN = 5


@dataclass(frozen=True)
class Need:
    """One short list on a home page: how many there are in all, the first few, and where the rest is.

    `columns` names what a row shows beside its link; `empty` is what the page says where there is nothing.
    """

    title: str
    total: int
    empty: str
    audits: Sequence[AuditLine] = field(default=())
    actions: Sequence[ActionLine] = field(default=())
    columns: tuple[str, ...] = ()
    rest: str | None = None
    urgent: bool = False


@dataclass(frozen=True)
class ConcernLine:
    """A concern about a child's safety that waits for this person to say that they have it in hand."""

    concern_id: UUID
    acknowledge_by: datetime

    @property
    def href(self) -> str:
        return f"/audit/concerns/{self.concern_id}"


async def needs(session: AsyncSession, scope: Scope, now: datetime) -> list[Need]:
    """The lists of every role that this person holds, without repeating one."""
    found: list[Need] = []
    if scope.has(Role.PRACTITIONER):
        found += await _of_a_practitioner(session, scope)
    if scope.has(*AUDITS):
        found += await _of_an_auditor(session, scope)
    if scope.has(Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE, Role.DCS):
        found += await _of_a_manager(session, scope, now)
    if scope.has(Role.BUSINESS_SUPPORT):
        found += await _of_business_support(session, scope, now)
    if scope.has(Role.QA_MANAGER):
        found += await _of_a_qa_manager(session, scope, now)
    return found


async def concerns_for(session: AsyncSession, scope: Scope) -> list[ConcernLine]:
    """Concerns sent to this person and not acknowledged, the first to run out on top."""
    query = (
        sa.select(col(Concern.concern_id), col(Concern.acknowledge_by))
        .where(
            col(Concern.recipients).contains([scope.person_id]),
            col(Concern.acknowledged_at).is_(None),
            col(Concern.closed_at).is_(None),
            col(Concern.raised_at).is_not(None),
        )
        .order_by(col(Concern.acknowledge_by))
        .limit(SHOWN)
    )
    return [ConcernLine(concern_id, by) for concern_id, by in await session.execute(query) if by is not None]


async def _of_a_practitioner(session: AsyncSession, scope: Scope) -> list[Need]:
    mine = sa.and_(col(Action.owner_id) == scope.person_id, col(Action.status) == ActionStatus.OPEN)
    total, actions = await _actions(session, mine)
    return [
        Need(
            "What to do",
            total,
            "Nothing. An action appears here when an audit of your work asks for something to be put right.",
            actions=actions,
            columns=("severity", "due"),
            rest="/remedial/mine",
        )
    ]


async def _of_an_auditor(session: AsyncSession, scope: Scope) -> list[Need]:
    to_audit = sa.and_(col(Audit.auditor_id) == scope.person_id, col(Audit.status) == AuditStatus.ALLOCATED)
    total, audits = await _audits(session, to_audit, col(Audit.due_on))
    cases = Need(
        "Cases to audit",
        total,
        "No cases wait for you. They arrive here as the council finishes its work.",
        audits=audits,
        columns=("age", "due"),
        rest="/audit/inbox",
    )
    # An internal auditor does not verify.
    return [cases, await _to_verify(session, scope)] if scope.has(Role.AUDITOR, Role.LEAD_AUDITOR) else [cases]


async def _to_verify(session: AsyncSession, scope: Scope) -> Need:
    waiting = sa.and_(
        col(Action.auditor_id) == scope.person_id,
        col(Action.status) == ActionStatus.REPORTED,
        # Nobody verifies their own work.
        col(Action.owner_id).is_distinct_from(scope.person_id),
        col(Action.reported_by).is_distinct_from(scope.person_id),
    )
    total, actions = await _actions(session, waiting, col(Action.reported_at))
    return Need(
        "Actions to verify",
        total,
        "No actions wait for you. They appear here when somebody reports an action of your audits done.",
        actions=actions,
        columns=("owner", "team", "reported"),
        rest="/remedial/verify",
    )


async def _of_a_manager(session: AsyncSession, scope: Scope, now: datetime) -> list[Need]:
    seen = listed_actions(scope)
    is_open = col(Action.status) == ActionStatus.OPEN
    soon = end_of_working_day(add_working_days(local_date(now), 2))
    escalated = sa.and_(
        is_open, col(Action.escalated_to) == scope.person_id, col(Action.escalation_acknowledged).is_(False)
    )
    lists = (
        ("Overdue", sa.and_(seen, is_open, col(Action.due_at) < now), "Nothing is overdue.", True),
        ("Escalated to you", escalated, "No escalation waits for your acknowledgement.", True),
        (
            "Due in the next two working days",
            sa.and_(seen, is_open, col(Action.due_at) >= now, col(Action.due_at) <= soon),
            "Nothing falls due in the next two working days.",
            False,
        ),
    )
    return [await _actions_need(session, *each, rest="/remedial/team") for each in lists]


async def _of_business_support(session: AsyncSession, scope: Scope, now: datetime) -> list[Need]:
    is_open = sa.and_(listed_actions(scope), col(Action.status) == ActionStatus.OPEN)
    today = local_date(now)
    lists = (
        ("Overdue, the longest first", sa.and_(is_open, col(Action.due_at) < now), "Nothing is overdue.", True),
        (
            "Due today",
            sa.and_(is_open, col(Action.due_on) == today, col(Action.due_at) >= now),
            "Nothing falls due today.",
            False,
        ),
    )
    needs = [await _actions_need(session, *each, rest="/remedial/board") for each in lists]
    return [*needs, await _waiting(session, scope)]


async def _of_a_qa_manager(session: AsyncSession, scope: Scope, now: datetime) -> list[Need]:
    monday = week_start(local_date(now))
    red = sa.and_(
        listed_audits(scope),
        col(Audit.rag) == Rag.RED,
        col(Audit.status) == AuditStatus.COMPLETED,
        chosen_audits(Filters(since=monday)),
    )
    total, audits = await _audits(session, red, col(Audit.completed_at).desc())
    return [
        Need(
            "Red this week",
            total,
            "No audit completed this week was rated red.",
            audits=audits,
            columns=("team", "completed"),
            rest=f"/reporting/audits?status=completed&rag=red&since={monday.isoformat()}",
        ),
        await _waiting(session, scope),
    ]


async def _waiting(session: AsyncSession, scope: Scope) -> Need:
    waiting = sa.and_(listed_actions(scope), col(Action.status) == ActionStatus.REPORTED)
    total, actions = await _actions(session, waiting, col(Action.reported_at))
    return Need(
        "Waiting for verification",
        total,
        "Nothing waits for verification.",
        actions=actions,
        columns=("owner", "team", "reported"),
        rest="/reporting/actions?status=reported",
    )


async def _actions_need(
    session: AsyncSession, title: str, condition: Condition, empty: str, urgent: bool, *, rest: str
) -> Need:
    total, actions = await _actions(session, condition)
    columns = ("owner", "team", "due")
    return Need(title, total, empty, actions=actions, columns=columns, rest=rest, urgent=urgent)


async def _audits(session: AsyncSession, condition: Condition, order: Column) -> tuple[int, list[AuditLine]]:
    total = (await session.execute(sa.select(sa.func.count()).select_from(Audit).where(condition))).scalar_one()
    query = audit_lines().where(condition).order_by(order, col(Audit.audit_id)).limit(SHOWN)
    return total, await read_audits(session, query)


async def _actions(
    session: AsyncSession, condition: Condition, order: Column | None = None
) -> tuple[int, list[ActionLine]]:
    here = sa.and_(condition, col(Action.raised_at).is_not(None))
    total = (await session.execute(sa.select(sa.func.count()).select_from(Action).where(here))).scalar_one()
    first = col(Action.due_at) if order is None else order
    query = action_lines().where(here).order_by(first, col(Action.action_id)).limit(SHOWN)
    return total, await read_actions(session, query)
