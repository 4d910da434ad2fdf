"""The practitioner's say: a comment on accuracy before an audit is complete, a challenge of a finding after it.

Silence does not block, urgent matters do not wait, and every challenge gets an answer that both can see.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit import audits
from services.audit.audits import AuditConflictError
from services.audit.domain.audit_form import AuditForm
from services.audit.domain.programme import Programme
from services.audit.models import Audit, AuditState, Challenge, Flag
from services.audit.queries.cases import readable
from shared.access import Role, Scope
from shared.events import AccuracyAsked, ChallengeAnswered, Event, FindingChallenged, TextWritten
from shared.working_days import add_working_days, local_date


async def ask_accuracy(session: AsyncSession, plan: Programme, audit: Audit, at: datetime) -> list[Event]:
    """Show the practitioner the findings first, and ask whether the facts are right."""
    if audit.state != AuditState.ALLOCATED or audit.worker_id is None:
        raise AuditConflictError("The practitioner cannot be asked: nobody is named, or they have been asked already.")
    audit.state = AuditState.CHECKING
    audit.comment_by = add_working_days(local_date(at), plan.accuracy_working_days)
    audit.version += 1
    await audits.told(session, audit)
    return [
        AccuracyAsked(
            occurred_at=at,
            version=audit.version,
            audit_id=audit.audit_id,
            worker_id=audit.worker_id,
            comment_by=audit.comment_by,
        )
    ]


async def comment(session: AsyncSession, audit: Audit, words: str, at: datetime) -> None:
    """The practitioner says what is not right, before the audit is complete."""
    if audit.state != AuditState.CHECKING:
        raise AuditConflictError("The audit is complete by now: challenge a finding instead.")
    audit.comment, audit.commented_at = words, at
    await audits.told(session, audit)


async def challenge(
    session: AsyncSession, audit: Audit, finding_id: UUID, *, challenge_id: UUID, by: str, words: str, at: datetime
) -> list[Event]:
    """Somebody whom a finding is about says that it is wrong."""
    form = AuditForm.model_validate_json(audit.form)
    if audit.state != AuditState.COMPLETED or all(finding.finding_id != finding_id for finding in form.findings):
        raise AuditConflictError("Only a finding of a completed audit can be challenged.")
    waiting = [each for each in await challenges_of(session, audit.audit_id) if each.answer is None]
    if any(each.finding_id == finding_id for each in waiting):
        raise AuditConflictError("This finding is challenged already and waits for its answer.")
    session.add(
        Challenge(
            challenge_id=challenge_id,
            audit_id=audit.audit_id,
            finding_id=finding_id,
            raised_by=by,
            raised_at=at,
            words=words,
        )
    )
    audit.version += 1
    challenged = FindingChallenged(
        occurred_at=at,
        version=audit.version,
        audit_id=audit.audit_id,
        challenge_id=challenge_id,
        finding_id=finding_id,
        challenged_by=by,
    )
    return [challenged, _words(audit, challenge_id, {"challenge": words}, at)]


async def answer(
    session: AsyncSession, audit: Audit, raised: Challenge, *, upheld: bool, words: str, by: str, at: datetime
) -> list[Event]:
    """The answer, with its reason. Upheld, the auditor amends the audit; the answer itself changes nothing in it."""
    if audit.flag == Flag.WITHDRAWN:
        # An answer would write again under the challenge's id, whose words were erased.
        raise AuditConflictError(
            "The case was withdrawn and what was written about it is erased: nothing is left to answer."
        )
    if raised.answer is not None:
        raise AuditConflictError("This challenge is answered already.")
    raised.upheld, raised.answer, raised.answered_by, raised.answered_at = upheld, words, by, at
    audit.version += 1
    answered = ChallengeAnswered(
        occurred_at=at,
        version=audit.version,
        audit_id=audit.audit_id,
        challenge_id=raised.challenge_id,
        finding_id=raised.finding_id,
        upheld=upheld,
        answered_by=by,
        challenged_by=raised.raised_by,
    )
    return [answered, _words(audit, raised.challenge_id, {"challenge": raised.words, "answer": words}, at)]


def _words(audit: Audit, text_id: UUID, parts: dict[str, str], at: datetime) -> TextWritten:
    return TextWritten(occurred_at=at, version=audit.version, text_id=text_id, about=audit.audit_id, parts=parts)


def may_comment(scope: Scope, audit: Audit) -> bool:
    """Whether this person is the practitioner who is asked."""
    return scope.has(Role.PRACTITIONER) and audit.worker_id == scope.person_id and audit.state == AuditState.CHECKING


def may_challenge(scope: Scope, audit: Audit) -> bool:
    """Whether this person is the practitioner or the manager of the team that the audit is about."""
    own = scope.has(Role.PRACTITIONER) and audit.worker_id == scope.person_id
    return audit.state == AuditState.COMPLETED and (own or audit.team_id in scope.teams)


def may_answer(scope: Scope, audit: Audit) -> bool:
    """Whether this person answers challenges: the QA manager, never somebody whose own work it is."""
    return scope.has(Role.QA_MANAGER) and scope.person_id not in {audit.worker_id, audit.authorised_by}


async def challenges_of(session: AsyncSession, audit_id: UUID) -> Sequence[Challenge]:
    """The challenges of one audit, in order."""
    query = sa.select(Challenge).where(col(Challenge.audit_id) == audit_id).order_by(col(Challenge.raised_at))
    return (await session.execute(query)).scalars().all()


async def challenges(session: AsyncSession, scope: Scope, audit_id: UUID) -> Sequence[Challenge]:
    """The challenges of one audit for somebody who may read it."""
    query = (
        sa.select(Challenge)
        .join(Audit, col(Audit.audit_id) == col(Challenge.audit_id))
        .where(col(Challenge.audit_id) == audit_id, readable(scope))
        .order_by(col(Challenge.raised_at))
    )
    return (await session.execute(query)).scalars().all()
