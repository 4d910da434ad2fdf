"""An audit is opened when its case is drawn, and allocated.

Whoever changes an audit has locked its row and bumps its version, so that its events are in order. Nothing here
commits; every function returns the events that follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.desk import desk
from services.audit.domain import allocation
from services.audit.domain.programme import Programme, audit_id
from services.audit.draws import Drawn
from services.audit.driving import driver
from services.audit.models import Audit, AuditState
from shared.events import CaseAllocated, CaseSampled, Event
from shared.messaging import notify, telling
from shared.working_days import add_working_days

INBOX = "inbox"
"""The channel that tells every replica's open inboxes what changed."""


class AuditConflictError(Exception):
    """Somebody else was first, or the case has moved on; the message says what happened."""


class Opened(NamedTuple):
    """One row of `audit` as it begins, in the order of these columns."""

    audit_id: UUID
    assessment_id: UUID
    child_id: UUID
    programme_id: UUID
    theme_id: str
    week: int
    kind: str
    priority: float
    threshold: float
    outcome: str
    by_hand: bool
    sampled_on: date
    authorised_on: date
    team_id: str | None
    worker_id: str | None
    authorised_by: str | None
    family_key: str | None
    facts: str
    version: int = 1
    state: str = AuditState.WAITING
    auditor_id: str | None = None
    due_on: date | None = None
    re_audit_of: UUID | None = None

    def allotted(self, auditor_id: str, due_on: date) -> Opened:
        """The same with its first auditor."""
        return self._replace(version=self.version + 1, state=AuditState.ALLOCATED, auditor_id=auditor_id, due_on=due_on)


async def open_audits(
    session: AsyncSession,
    plan: Programme,
    sampled: Sequence[Drawn],
    at: datetime,
    *,
    by_hand: bool = False,
    all_new: bool = False,
) -> list[Event]:
    """Open an audit for each case of one programme that was drawn, and allocate it.

    `all_new` says that nothing was ever decided on any of them: then none was audited before.
    """
    if not sampled:
        return []
    events: list[Event] = []
    rows: list[Opened] = []
    cases = [drawn.case for drawn in sampled]
    teams, families = {case.team_id for case in cases}, {case.family_key for case in cases}
    standing = await desk(session, plan, sampled[0].sampled_on, teams, families)
    rounds = {} if all_new else await _rounds(session, sampled)
    for drawn in sampled:
        audit = _opened(drawn, rounds.get(drawn.case.assessment_id, 0) + 1, by_hand=by_hand)
        events.append(case_sampled(audit, at))
        case = allocation.Case(audit.audit_id, audit.team_id, audit.worker_id, audit.authorised_by)
        auditor_id = standing.choose(plan, case, audit.family_key, drawn.sampled_on)
        if auditor_id is not None:
            due_on = add_working_days(drawn.sampled_on, plan.audit_working_days)
            audit = audit.allotted(auditor_id, due_on)
            events.append(_allocated(audit, due_on, at))
        rows.append(audit)
    await (await driver(session)).execute(_OPEN, *zip(*rows, strict=True))
    return events


_OPEN = (
    "INSERT INTO audit (audit_id, assessment_id, child_id, programme_id, theme_id,"  # noqa: S608 - its parts are our own
    " week, kind, priority, threshold, outcome, by_hand, sampled_on, authorised_on, team_id, worker_id, authorised_by,"
    " family_key, facts, version, state, auditor_id, due_on, re_audit_of, form, saved, saved_tab)"
    " SELECT *, '{}', 0, '' FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[],"
    " $6::int[], $7::text[], $8::float8[], $9::float8[], $10::text[], $11::bool[], $12::date[], $13::date[],"
    " $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::int[], $20::text[], $21::text[],"
    f" $22::date[], $23::uuid[]) RETURNING {telling(INBOX)}"
)
"""The inboxes get one note for the batch: whoever looks reads the whole list again.

For a few rows half of what COPY costs, which speaks to the server twice.
"""


def audit_of(events: Sequence[Event]) -> UUID:
    """The audit that these events opened."""
    return next(event.audit_id for event in events if isinstance(event, CaseSampled))


async def _rounds(session: AsyncSession, sampled: Sequence[Drawn]) -> dict[UUID, int]:
    """How often each of these cases has been put before an auditor of the programme so far."""
    ids = [drawn.case.assessment_id for drawn in sampled]
    return dict(await (await driver(session)).fetch(_ROUNDS, ids, sampled[0].programme_id))


_ROUNDS = (
    "SELECT assessment_id, count(*) FROM audit WHERE assessment_id = ANY($1::uuid[]) AND programme_id = $2"
    " GROUP BY assessment_id"
)


def _opened(drawn: Drawn, round_: int, *, by_hand: bool) -> Opened:
    case = drawn.case
    return Opened(
        audit_id(drawn.programme_id, case.assessment_id, round_),
        case.assessment_id,
        case.child_id,
        drawn.programme_id,
        drawn.theme_id,
        drawn.week,
        case.kind,
        drawn.priority,
        drawn.threshold,
        drawn.outcome,
        by_hand,
        drawn.sampled_on,
        case.authorised_on,
        case.team_id,
        case.worker_id,
        case.authorised_by,
        case.family_key,
        case.json().decode(),
    )


def case_sampled(audit: Audit | Opened, at: datetime) -> CaseSampled:
    """A case is to be audited: the first that is said of an audit."""
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
    """Give the audit to this auditor, who has it until the day that was first set or is set now."""
    audit.auditor_id = auditor_id
    audit.state = AuditState.ALLOCATED
    audit.due_on = due_on = audit.due_on or add_working_days(day, plan.audit_working_days)
    audit.version += 1
    return _allocated(audit, due_on, at)


def _allocated(audit: Audit | Opened, due_on: date, at: datetime) -> CaseAllocated:
    return CaseAllocated(
        occurred_at=at,
        version=audit.version,
        audit_id=audit.audit_id,
        auditor_id=str(audit.auditor_id),
        due_on=due_on,
    )


async def told(session: AsyncSession, audit: Audit) -> None:
    """Tell the open inboxes: an id, nothing more."""
    await notify(session, INBOX, str(audit.audit_id))


async def locked(session: AsyncSession, audit_id: UUID) -> Audit:
    """The audit, which nobody else changes until this transaction ends."""
    return await session.get_one(Audit, audit_id, with_for_update=True, populate_existing=True)
