"""A case by its id, across the services: what this person may see of it, each thing linking to its owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.reporting.models import Action, Assessment, Audit, Child
from services.reporting.queries.lists import ActionLine, AuditLine, action_lines, audit_lines, read_actions, read_audits
from services.reporting.queries.narrowing import Column, Lines, listed_actions, listed_audits
from shared.access import Role, Scope

SEES_ASSESSMENTS = (Role.BUSINESS_SUPPORT, Role.QA_MANAGER)
MOST = 50


@dataclass(frozen=True)
class AssessmentLine:
    """One assessment that arrived about the case."""

    assessment_id: UUID
    kind: str
    authorised_on: date
    team_id: str | None
    withdrawn: bool

    @property
    def href(self) -> str:
        return f"/intake/assessments/{self.assessment_id}"


@dataclass(frozen=True)
class Found:
    """What a search came to."""

    case_id: str | None = None
    audits: Sequence[AuditLine] = field(default=())
    actions: Sequence[ActionLine] = field(default=())
    assessments: Sequence[AssessmentLine] = field(default=())

    @property
    def total(self) -> int:
        return len(self.audits) + len(self.actions) + len(self.assessments)


async def search(session: AsyncSession, scope: Scope, words: str) -> Found:
    """What is known of the case with this id or pseudonym. The case's id is given only where something of it is."""
    children = await _children(session, words)
    if not children:
        return Found()
    audits = audit_lines().where(listed_audits(scope), col(Audit.child_id).in_(children))
    actions = action_lines().where(listed_actions(scope), col(Action.child_id).in_(children))
    found = Found(
        audits=await read_audits(session, _newest(audits, col(Audit.sampled_on))),
        actions=await read_actions(session, _newest(actions, col(Action.due_at))),
        assessments=await _assessments(session, scope, children),
    )
    if not found.total:
        return found
    return Found(await _case_id(session, children), found.audits, found.actions, found.assessments)


def _newest(query: Lines, day: Column) -> Lines:
    return query.order_by(day.desc().nulls_last()).limit(MOST)


async def _children(session: AsyncSession, words: str) -> list[UUID]:
    """The pseudonyms behind what was typed: a case id as the case system writes it, or a pseudonym itself."""
    try:
        return [UUID(words)]
    except ValueError:
        query = sa.select(col(Child.child_id)).where(col(Child.case_id) == words).limit(MOST)
        return list((await session.execute(query)).scalars())


async def _case_id(session: AsyncSession, children: Sequence[UUID]) -> str | None:
    query = sa.select(col(Child.case_id)).where(col(Child.child_id).in_(children)).limit(1)
    return (await session.execute(query)).scalar()


async def _assessments(session: AsyncSession, scope: Scope, children: Sequence[UUID]) -> list[AssessmentLine]:
    if not scope.has(*SEES_ASSESSMENTS):
        return []
    columns = (
        col(Assessment.assessment_id),
        col(Assessment.kind),
        col(Assessment.authorised_on),
        col(Assessment.team_id),
        col(Assessment.withdrawn),
    )
    query = sa.select(*columns).where(col(Assessment.child_id).in_(children))
    query = query.order_by(col(Assessment.authorised_on).desc()).limit(MOST)
    return [AssessmentLine(*row) for row in await session.execute(query)]
