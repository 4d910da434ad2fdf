"""An audit is opened when its case is drawn, and allocated.

Whoever changes an audit has locked its row and bumps its version, so that its events are in order. Nothing here
commits; every function returns the events that follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.desk import desk
from services.audit.domain.programme import Programme, audit_id
from services.audit.draws import Drawn
from services.audit.models import Audit, AuditState
from shared.events import CaseAllocated, CaseSampled, Event
from shared.messaging import notify
from shared.working_days import add_working_days

INBOX = "inbox"
"""The channel that tells every replica's open inboxes what changed."""


class AuditConflictError(Exception):
    """Somebody else was first, or the case has moved on; the message says what happened."""


async def open_audits(
    session: AsyncSession, plan: Programme, sampled: Sequence[Drawn], at: datetime, *, by_hand: bool = False
) -> list[Event]:
    """Open an audit for each case of one programme that was drawn, and allocate it."""
    if not sampled:
        return []
    events: list[Event] = []
    standing = await desk(session, plan, sampled[0].sampled_on)
    rounds = await _rounds(session, sampled)
    for drawn in sampled:
        audit = _opened(drawn, rounds.get(drawn.case.assessment_id, 0) + 1, by_hand=by_hand)
        session.add(audit)
        events.append(case_sampled(audit, at))
        auditor_id = standing.choose(plan, audit, drawn.sampled_on)
        if auditor_id is not None:
            events.append(allocate(audit, plan, auditor_id, drawn.sampled_on, at))
    await session.flush()
    # One note for the batch: whoever looks reads the whole list again.
    await notify(session, INBOX)
    return events


def audit_of(events: Sequence[Event]) -> UUID:
    """The audit that these events opened."""
    return next(event.audit_id for event in events if isinstance(event, CaseSampled))


async def _rounds(session: AsyncSession, sampled: Sequence[Drawn]) -> dict[UUID, int]:
    """How often each of these cases has been put before an auditor of the programme so far."""
    ids = {drawn.case.assessment_id for drawn in sampled}
    rows = await session.execute(
        sa.select(col(Audit.assessment_id), sa.func.count())
        .where(col(Audit.assessment_id).in_(ids), col(Audit.programme_id) == sampled[0].programme_id)
        .group_by(col(Audit.assessment_id))
    )
    return {row[0]: row[1] for row in rows}


def _opened(drawn: Drawn, round_: int, *, by_hand: bool) -> Audit:
    case = drawn.case
    return Audit(
        audit_id=audit_id(drawn.programme_id, case.assessment_id, round_),
        assessment_id=case.assessment_id,
        child_id=case.child_id,
        programme_id=drawn.programme_id,
        theme_id=drawn.theme_id,
        week=drawn.week,
        kind=case.kind,
        priority=drawn.priority,
        threshold=drawn.threshold,
        outcome=drawn.outcome,
        by_hand=by_hand,
        sampled_on=drawn.sampled_on,
        authorised_on=case.authorised_on,
        team_id=case.team_id,
        worker_id=case.worker_id,
        authorised_by=case.authorised_by,
        family_key=case.family_key,
        facts=case.model_dump_json(exclude_defaults=True),
    )


def case_sampled(audit: Audit, at: datetime) -> CaseSampled:
    """A case is to be audited."""
    audit.version += 1
    return CaseSampled(
        occurred_at=at,
        version=audit.version,
        audit_id=audit.audit_id,
        assessment_id=audit.assessment_id,
        child_id=audit.child_id,
        programme_id=audit.programme_id,
        theme_id=audit.theme_id,
        week=audit.week,
        kind=audit.kind,
        priority=audit.priority,
        threshold=audit.threshold,
        by_hand=audit.by_hand,
        sampled_on=audit.sampled_on,
        authorised_on=audit.authorised_on,
        team_id=audit.team_id,
        worker_id=audit.worker_id,
        authorised_by=audit.authorised_by,
        family_key=audit.family_key,
        re_audit_of=audit.re_audit_of,
    )


def allocate(audit: Audit, plan: Programme, auditor_id: str, day: date, at: datetime) -> CaseAllocated:
    audit.auditor_id = auditor_id
    audit.state = AuditState.ALLOCATED
    audit.due_on = audit.due_on or add_working_days(day, plan.audit_working_days)
    audit.version += 1
    return CaseAllocated(
        occurred_at=at, version=audit.version, audit_id=audit.audit_id, auditor_id=auditor_id, due_on=audit.due_on
    )


async def told(session: AsyncSession, audit: Audit) -> None:
    """Tell the open inboxes: an id, nothing more."""
    await notify(session, INBOX, str(audit.audit_id))


async def locked(session: AsyncSession, audit_id: UUID) -> Audit:
    """The audit, which nobody else changes until this transaction ends."""
    return await session.get_one(Audit, audit_id, with_for_update=True, populate_existing=True)
