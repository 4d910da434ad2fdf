"""Whom audit's events reach outside Caseloop. Remedial sends every message, audit decides who is meant."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.remedial.domain.notices import Kind
from services.remedial.notices import note
from shared.access import people
from shared.events import CaseAllocated, ConcernEscalated, StrengthRecognised


async def tell(session: AsyncSession, event: ConcernEscalated | CaseAllocated | StrengthRecognised) -> None:
    """Note it for each person who is meant, once."""
    path = f"/audit/audits/{event.audit_id}"
    match event:
        case ConcernEscalated():
            for recipient in event.recipients:
                await note(session, recipient, Kind.CONCERN, event.concern_id, event.occurred_at, path=path)
        case CaseAllocated():
            await note(session, event.auditor_id, Kind.ALLOCATED, event.audit_id, event.occurred_at, path=path)
        case StrengthRecognised():
            for person_id in await _praised(session, event):
                await note(session, person_id, Kind.STRENGTH, event.strength_id, event.occurred_at, path=path)


async def _praised(session: AsyncSession, event: StrengthRecognised) -> list[str]:
    managers = await people.managers_of(session, event.team_id) if event.team_id else []
    return [*([event.worker_id] if event.worker_id else []), *(each.person_id for each in managers)]
