"""Re-audits: drawn for a case whose loop has closed, read by somebody who has not audited it, outside the figures.

A re-audit is no decision of the draw: nothing of it is published there, nothing replaces it, and `verify` counts it
apart. Its grade stands beside the first one and never in its place.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.audits import AuditConflictError, allocate, case_sampled, told
from services.audit.desk import case_of, desk
from services.audit.domain import re_audits
from services.audit.domain.programme import Programme, audit_id
from services.audit.domain.sampling import Outcome
from services.audit.models import OPEN_STATES, Audit, AuditState, Flag, Loop
from shared.events import Event
from shared.working_days import local_date


async def draw(session: AsyncSession, plan: Programme, first: Audit, *, by: str, at: datetime) -> list[Event]:
    """Put the case before another auditor. The caller holds the row of the first audit, so only one is drawn at once.

    AuditConflictError where none can be drawn; the message says why.
    """
    barred = re_audits.bar(await _first(session, first))
    if barred:
        raise AuditConflictError(barred)
    audit = await _again(session, first, by, at)
    day = local_date(at)
    standing = await desk(session, plan, day, {audit.team_id}, {audit.family_key})
    session.add(audit)
    events: list[Event] = [case_sampled(audit, at)]
    auditor_id = standing.choose(plan, case_of(audit), audit.family_key, day)
    if auditor_id is not None:
        events.append(allocate(audit, plan, auditor_id, day, at))
    await session.flush()
    await told(session, audit)
    return events


async def _first(session: AsyncSession, first: Audit) -> re_audits.First:
    loop = await session.get(Loop, first.audit_id)
    is_open = sa.exists().where(col(Audit.re_audit_of) == first.audit_id, col(Audit.state).in_(OPEN_STATES))
    return re_audits.First(
        completed=first.state == AuditState.COMPLETED,
        withdrawn=first.flag == Flag.WITHDRAWN,
        standing=loop.standing if loop else None,
        open_again=bool((await session.execute(sa.select(is_open))).scalar_one()),
    )


async def _again(session: AsyncSession, first: Audit, by: str, at: datetime) -> Audit:
    """The same work once more, with nothing written: who audited it so far is kept from it."""
    # Of one case at a time: of two, each after another of its audits, both would be the same round
    await session.execute(_ONE_AT_A_TIME, {"case": str(first.assessment_id)})
    earlier = await session.execute(
        sa.select(col(Audit.auditor_id), col(Audit.state)).where(
            col(Audit.programme_id) == first.programme_id, col(Audit.assessment_id) == first.assessment_id
        )
    )
    rounds = [(auditor, state) for auditor, state in earlier]
    return Audit(
        version=1,
        **first.model_dump(include=_THE_SAME),
        audit_id=audit_id(first.programme_id, first.assessment_id, len(rounds) + 1),
        outcome=Outcome.BY_HAND,
        by_hand=True,
        sampled_on=local_date(at),
        re_audit_of=first.audit_id,
        audited_by=sorted({str(auditor) for auditor, state in rounds if auditor and state == AuditState.COMPLETED}),
        chosen_by=by,
    )


_ONE_AT_A_TIME = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('audit.re_audit.' || :case, 0))")

_THE_SAME = {
    "assessment_id",
    "child_id",
    "programme_id",
    "theme_id",
    "week",
    "kind",
    "priority",
    "threshold",
    "authorised_on",
    "team_id",
    "worker_id",
    "authorised_by",
    "family_key",
    "facts",
}
