"""Whom audit's events reach outside Caseloop. Remedial sends every message, audit decides who is meant."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.remedial.domain.notices import Kind
from services.remedial.notices import note
from shared.access import Role, people
from shared.events import (
    AccuracyAsked,
    CaseAllocated,
    ChallengeAnswered,
    ConcernEscalated,
    FindingChallenged,
    StrengthRecognised,
)

Told = ConcernEscalated | CaseAllocated | StrengthRecognised | AccuracyAsked | FindingChallenged | ChallengeAnswered


async def tell(session: AsyncSession, event: Told) -> None:
    """Note it for each person who is meant, once; a concern again each time that it climbs or nobody answers."""
    for kind, person_id, about in await _whom(session, event):
        occasion = str(event.version) if isinstance(event, ConcernEscalated) else ""
        path = f"/audit/audits/{event.audit_id}"
        await note(session, person_id, kind, about, event.occurred_at, path=path, occasion=occasion)


async def _whom(session: AsyncSession, event: Told) -> list[tuple[Kind, str | None, UUID]]:
    match event:
        case ConcernEscalated():
            return [(Kind.CONCERN, each, event.concern_id) for each in event.recipients]
        case CaseAllocated():
            return [(Kind.ALLOCATED, event.auditor_id, event.audit_id)]
        case StrengthRecognised():
            return [(Kind.STRENGTH, each, event.strength_id) for each in await _praised(session, event)]
        case AccuracyAsked():
            return [(Kind.ACCURACY, event.worker_id, event.audit_id)]
        case FindingChallenged():
            answering = await people.people_with_role(session, Role.QA_MANAGER)
            return [(Kind.CHALLENGED, each.person_id, event.challenge_id) for each in answering]
        case ChallengeAnswered():
            return [(Kind.ANSWERED, event.challenged_by, event.challenge_id)]


async def _praised(session: AsyncSession, event: StrengthRecognised) -> list[str]:
    managers = await people.managers_of(session, event.team_id) if event.team_id else []
    return [*([event.worker_id] if event.worker_id else []), *(each.person_id for each in managers)]
