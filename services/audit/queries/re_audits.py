"""Re-audits beside the audits that they look at again: what was said first, and how the grade moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from services.audit.domain.programme import Programme, Step
from services.audit.domain.re_audits import HAS_CLOSED, Change, First, bar, change
from services.audit.models import OPEN_STATES, Audit, AuditState, Flag, Loop
from services.audit.queries.cases import Case, cases_of, readable
from shared.access import Role, Scope


@dataclass(frozen=True, slots=True)
class Again:
    """A re-audit as its first audit's page shows it: where it stands, and its grade once it is complete."""

    first: Audit
    audit: Audit
    plan: Programme
    readable: bool
    """Whether this person may read what it says, too."""

    @property
    def step(self) -> Step | None:
        """Its grade; None while it is open."""
        return self.plan.step(self.audit.grade or "") if self.audit.state == AuditState.COMPLETED else None

    @property
    def before(self) -> Step | None:
        """The first audit's grade."""
        return self.plan.step(self.first.grade or "")

    @property
    def change(self) -> Change | None:
        """How the grade moved; None while it is open."""
        if self.step is None or self.before is None:
            return None
        return change(self.plan, self.before.code, self.step.code)


async def re_audits_of(session: AsyncSession, scope: Scope, case: Case) -> list[Again]:
    """The re-audits that were drawn of an audit which this person reads, the newest first; none that was given back."""
    rows = await session.execute(
        sa.select(Audit, readable(scope))
        .where(
            col(Audit.re_audit_of) == case.audit.audit_id,
            col(Audit.state).not_in((AuditState.RETURNED, AuditState.WITHDRAWN)),
        )
        .order_by(col(Audit.sampled_on).desc(), col(Audit.version).desc())
    )
    return [Again(case.audit, audit, case.plan, bool(may)) for audit, may in rows]


def may_draw(scope: Scope, case: Case, loop: Loop | None, again: Sequence[Again]) -> bool:
    """Whether to offer a re-audit: it is the QA manager's to draw, where nothing stands against it."""
    first = First(
        completed=case.audit.state == AuditState.COMPLETED,
        withdrawn=case.audit.flag == Flag.WITHDRAWN,
        standing=loop.standing if loop else None,
        open_again=any(each.audit.state in OPEN_STATES for each in again),
    )
    return scope.has(Role.QA_MANAGER) and bar(first) is None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An audit whose loop has closed, and its newest re-audit, if any."""

    case: Case
    standing: str
    again: Again | None


@dataclass(frozen=True, slots=True)
class Candidates:
    """The audits of a programme whose loop has closed, and what their re-audits came to."""

    shown: Sequence[Candidate]
    total: int
    changes: Counter[Change]

    @property
    def pages(self) -> int:
        """How many pages there are; at least one."""
        return max(1, -(-self.total // PAGE_SIZE))


PAGE_SIZE = 50


async def candidates(session: AsyncSession, scope: Scope, plan: Programme, page: int = 1) -> Candidates:
    """Those that may be looked at again or were, the last completed first, for the QA manager."""
    if not scope.has(Role.QA_MANAGER):
        return Candidates([], 0, Counter())
    closed = (
        sa.select(Audit, col(Loop.standing))
        .join(Loop, col(Loop.audit_id) == col(Audit.audit_id))
        .where(
            col(Audit.programme_id) == plan.programme_id,
            col(Audit.state) == AuditState.COMPLETED,
            col(Audit.flag).is_distinct_from(Flag.WITHDRAWN),
            col(Loop.standing).in_(sorted(HAS_CLOSED)),
        )
    )
    total = (await session.execute(sa.select(sa.func.count()).select_from(closed.subquery()))).scalar_one()
    query = closed.order_by(col(Audit.completed_at).desc(), col(Audit.audit_id))
    rows = (await session.execute(query.offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE))).all()
    cases = await cases_of(session, scope, [audit for audit, _ in rows])
    newest = await _newest(session, plan, cases)
    shown = [
        Candidate(case, standing, newest.get(case.audit.audit_id))
        for case, (_, standing) in zip(cases, rows, strict=True)
    ]
    return Candidates(shown, total, await _changes(session, plan))


async def _newest(session: AsyncSession, plan: Programme, cases: Sequence[Case]) -> dict[UUID, Again]:
    firsts = {case.audit.audit_id: case.audit for case in cases}
    rows = await session.execute(
        sa.select(Audit)
        .where(
            col(Audit.re_audit_of).in_(firsts),
            col(Audit.state).in_((*OPEN_STATES, AuditState.COMPLETED)),
        )
        .order_by(col(Audit.sampled_on), col(Audit.completed_at).nulls_last())
    )
    return {
        audit.re_audit_of: Again(firsts[audit.re_audit_of], audit, plan, readable=True)
        for audit in rows.scalars()
        if audit.re_audit_of is not None
    }


async def _changes(session: AsyncSession, plan: Programme) -> Counter[Change]:
    """How the grades moved, over every re-audit of the programme that is complete."""
    first = aliased(Audit)
    rows = await session.execute(
        sa.select(col(first.grade), col(Audit.grade))
        .join(first, col(first.audit_id) == col(Audit.re_audit_of))
        .where(col(Audit.programme_id) == plan.programme_id, col(Audit.state) == AuditState.COMPLETED)
    )
    moved = (change(plan, before or "", after or "") for before, after in rows)
    return Counter(each for each in moved if each is not None)
