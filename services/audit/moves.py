"""A case moves between auditors: claimed, handed over, passed on in absence, taken from whom a correction bars.

Whoever moves an audit has locked its row and bumps its version, so that its events are in order.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.audits import AuditConflictError, allocate, told
from services.audit.desk import case_of, desk, own_teams
from services.audit.domain import allocation
from services.audit.domain.programme import Programme, is_away
from services.audit.models import OPEN_STATES, Audit, AuditState, HandOver
from shared.events import AssessmentRecorded, CaseReturned, Event
from shared.working_days import local_date


class ReturnReason(StrEnum):
    """Why an auditor gives a case back. The words stay here; the event carries the code."""

    CONFLICT = "conflict"
    NOT_AUDITABLE = "not_auditable"
    AWAY = "away"
    WORKLOAD = "workload"


RETURN_REASONS = {
    ReturnReason.CONFLICT: "I have a conflict of interest",
    ReturnReason.NOT_AUDITABLE: "The case cannot be audited (the record is missing, restricted or not this theme)",
    ReturnReason.AWAY: "I am away",
    ReturnReason.WORKLOAD: "I have too many cases",
}


async def claim(session: AsyncSession, plan: Programme, audit: Audit, person_id: str, at: datetime) -> list[Event]:
    """The auditor takes the case. AuditConflictError when somebody has begun it, or when they must not audit it."""
    if audit.state not in {AuditState.WAITING, AuditState.ALLOCATED} or audit.saved:
        raise AuditConflictError("This case is no longer free: somebody has begun it.")
    if audit.auditor_id == person_id:
        return []
    await _must_be_fit(session, plan, audit, person_id, local_date(at))
    if audit.auditor_id is not None:
        session.add(handed_over(audit, audit.auditor_id, person_id, "claimed by a colleague", at))
    event = allocate(audit, plan, person_id, local_date(at), at)
    await told(session, audit)
    return [event]


async def _must_be_fit(session: AsyncSession, plan: Programme, audit: Audit, person_id: str, day: date) -> None:
    auditor = plan.auditor(person_id)
    if auditor is None:
        raise AuditConflictError("Only an auditor of the programme can take this case.")
    teams = await own_teams(session, plan, day)
    barred = allocation.bar(auditor, case_of(audit), teams.get(person_id, ()))
    if barred:
        raise AuditConflictError(f"This auditor cannot take the case: {barred}.")


async def hand_over(
    session: AsyncSession, plan: Programme, audit: Audit, to: str, *, reason: ReturnReason, why: str, at: datetime
) -> list[Event]:
    """The case goes from its auditor to another, draft and all."""
    if audit.state not in OPEN_STATES or audit.auditor_id is None:
        raise AuditConflictError("This case has moved on and cannot be handed over any more.")
    await _must_be_fit(session, plan, audit, to, local_date(at))
    before = audit.auditor_id
    audit.version += 1
    returned = CaseReturned(
        occurred_at=at, version=audit.version, audit_id=audit.audit_id, auditor_id=before, reason=reason
    )
    session.add(handed_over(audit, before, to, why, at))
    allocated = allocate(audit, plan, to, local_date(at), at)
    await told(session, audit)
    return [returned, allocated]


async def reassign_absent(session: AsyncSession, plan: Programme, day: date, at: datetime) -> list[Event]:
    """What an absent auditor has not begun goes to a colleague; nobody's work waits for a return from leave."""
    away = [auditor.person for auditor in plan.auditors if is_away(auditor, day)]
    if not away:
        return []
    found = await session.execute(
        sa.select(Audit)
        .where(
            col(Audit.programme_id) == plan.programme_id,
            col(Audit.state) == AuditState.ALLOCATED,
            col(Audit.saved) == 0,
            col(Audit.auditor_id).in_(away),
        )
        .order_by(col(Audit.audit_id))
        .with_for_update()
    )
    events: list[Event] = []
    left = found.scalars().all()
    teams, families = {audit.team_id for audit in left}, {audit.family_key for audit in left}
    standing = await desk(session, plan, day, teams, families)
    for audit in left:
        before = str(audit.auditor_id)
        colleague = standing.choose(plan, case_of(audit), audit.family_key, day)
        if colleague is None or colleague == before:
            continue
        audit.version += 1
        events.append(
            CaseReturned(
                occurred_at=at,
                version=audit.version,
                audit_id=audit.audit_id,
                auditor_id=before,
                reason=ReturnReason.AWAY,
            )
        )
        session.add(handed_over(audit, before, colleague, "away", at))
        events.append(allocate(audit, plan, colleague, day, at))
        await told(session, audit)
    return events


async def correct(
    session: AsyncSession, plan: Programme, audit: Audit, case: AssessmentRecorded, at: datetime
) -> list[Event]:
    """Another team, worker or manager stands behind the work of an open audit.

    Where that bars its auditor, somebody else reads the case from the beginning: nobody audits their own work, whoever
    turns out later to have done it.
    """
    behind = replace(case_of(audit), team_id=case.team_id, worker_id=case.worker_id, authorised_by=case.authorised_by)
    released = await _release_if_barred(session, plan, audit, behind, at)
    audit.team_id, audit.worker_id, audit.authorised_by = case.team_id, case.worker_id, case.authorised_by
    if released is None:
        return []
    await session.flush()
    day = local_date(at)
    standing = await desk(session, plan, day, {audit.team_id}, {audit.family_key})
    colleague = standing.choose(plan, case_of(audit), audit.family_key, day)
    return [released] if colleague is None else [released, allocate(audit, plan, colleague, day, at)]


async def _release_if_barred(
    session: AsyncSession, plan: Programme, audit: Audit, behind: allocation.Case, at: datetime
) -> CaseReturned | None:
    auditor = plan.auditor(audit.auditor_id) if audit.auditor_id else None
    if auditor is None:
        return None
    teams = await own_teams(session, plan, local_date(at))
    barred = allocation.bar(auditor, behind, teams.get(auditor.person, ()))
    if barred is None:
        return None
    audit.version += 1
    session.add(handed_over(audit, auditor.person, None, barred, at))
    audit.auditor_id, audit.state = None, AuditState.WAITING
    audit.form, audit.saved, audit.saved_tab, audit.comment, audit.comment_by = "{}", 0, "", None, None
    return CaseReturned(
        occurred_at=at,
        version=audit.version,
        audit_id=audit.audit_id,
        auditor_id=auditor.person,
        reason=ReturnReason.CONFLICT,
    )


def handed_over(audit: Audit, auditor_id: str, to: str | None, reason: str, at: datetime) -> HandOver:
    return HandOver(
        audit_id=audit.audit_id, version=audit.version, auditor_id=auditor_id, to_auditor_id=to, reason=reason, at=at
    )
