"""The audits of one person's work: a list first, and a rate only where there are enough to mean something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.reporting.domain.facts import ActionStatus, AuditStatus, Rag
from services.reporting.domain.figures import Figure, share
from services.reporting.models import Action, Audit
from services.reporting.queries.lists import ActionLine, AuditLine, action_lines, audit_lines, read_actions, read_audits
from services.reporting.queries.narrowing import listed_actions, listed_audits
from shared.access import Role, Scope

MOST = 200


@dataclass(frozen=True)
class Practitioner:
    """What the reader may see of one person's audited work."""

    person_id: str
    audits: Sequence[AuditLine]
    actions: Sequence[ActionLine]
    ratings: Sequence[tuple[Rag, Figure]]
    """Empty below ten audits: then there is no rate, no trend and no chart."""


async def practitioner(session: AsyncSession, scope: Scope, person_id: str) -> Practitioner | None:
    """Their completed audits and open actions; None where the reader may see none and is not that person."""
    about = sa.and_(listed_audits(scope), col(Audit.worker_id) == person_id, col(Audit.status) == AuditStatus.COMPLETED)
    newest = audit_lines().where(about).order_by(col(Audit.completed_at).desc()).limit(MOST)
    audits = await read_audits(session, newest)
    is_own = scope.has(Role.PRACTITIONER) and scope.person_id == person_id
    if not audits and not is_own:
        return None
    to_do = sa.and_(listed_actions(scope), col(Action.owner_id) == person_id, col(Action.status) == ActionStatus.OPEN)
    actions = await read_actions(session, action_lines().where(to_do).order_by(col(Action.due_at)).limit(MOST))
    return Practitioner(person_id, audits, actions, _ratings(audits))


def _ratings(audits: Sequence[AuditLine]) -> list[tuple[Rag, Figure]]:
    # Of first audits: a case that was audited twice is one case.
    rated = [audit.rag for audit in audits if audit.re_audit_of is None]
    figures = [(rag, share(f"practitioner_{rag}", rated.count(rag), len(rated))) for rag in Rag]
    return [(rag, figure) for rag, figure in figures if figure.value is not None]
