"""What became of a piece of work in the draws, the proof that they were fair, and what may still be chosen by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.by_hand import choosable
from services.audit.domain.programme import Programme
from services.audit.domain.proof import Proof, prove
from services.audit.models import (
    Audit,
    AuditState,
    ChildLink,
    DecisionRow,
    DrawLog,
    ProgrammeRow,
    ProgrammeState,
    ThemeWeekRow,
)
from services.audit.queries.cases import AUDITORS, plans, programmes_of
from services.audit.queries.programmes import SEES_PROGRAMMES
from shared.access import Role, Scope, people
from shared.events import EVENTS, AssessmentRecorded, DrawEvent

SEES_DRAWS = tuple(role for role in SEES_PROGRAMMES if role is not Role.ADMINISTRATOR)
"""Who may ask why a case was drawn: an administrator runs the system and sees no case."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether and why one assessment was drawn in one programme."""

    decision: DecisionRow
    plan: Programme | None
    week: ThemeWeekRow | None
    audits: list[Audit]

    @property
    def theme(self) -> str | None:
        """The name of the theme that the case counted towards."""
        return self.plan.theme(self.decision.theme_id).name if self.plan and self.decision.theme_id else None


async def answers(session: AsyncSession, scope: Scope, assessment_id: UUID) -> list[Answer]:
    """For each programme, what became of this assessment. Codes and chances only: no narrative, no grade.

    Whoever may see the audit of it may ask: an auditor of their own, a lead auditor in their programmes, a head of
    service of the service's teams, the QA manager and the DCS of all.
    """
    if not scope.has(*SEES_DRAWS):
        return []
    known = await plans(session, scope)
    decisions = await session.execute(
        sa.select(DecisionRow)
        .where(col(DecisionRow.assessment_id) == assessment_id)
        .order_by(col(DecisionRow.programme_id))
    )
    found = await session.execute(
        sa.select(Audit).where(col(Audit.assessment_id) == assessment_id).order_by(col(Audit.sampled_on))
    )
    audits, rows = list(found.scalars()), list(decisions.scalars())
    answered = []
    for row in await _askable(session, scope, rows, audits):
        week = None
        if row.theme_id is not None:
            week = await session.get(ThemeWeekRow, (row.programme_id, row.theme_id, row.week))
        of_programme = [audit for audit in audits if audit.programme_id == row.programme_id]
        answered.append(Answer(row, known.get(row.programme_id), week, of_programme))
    return answered


async def _askable(
    session: AsyncSession, scope: Scope, rows: Sequence[DecisionRow], audits: Sequence[Audit]
) -> Sequence[DecisionRow]:
    """Those decisions on one piece of work that this person may ask about."""
    if scope.has(Role.QA_MANAGER, Role.DCS):
        return rows
    if scope.has(Role.HEAD_OF_SERVICE):
        # A case that was no candidate has left no team behind: only who sees every case may ask about it.
        teams = {audit.team_id for audit in audits}
        teams |= {AssessmentRecorded.read(row.facts).team_id for row in rows if row.facts}
        if teams & await people.teams_of_services(session, scope.services):
            return rows
    may = set((await session.execute(programmes_of(scope))).scalars()) if scope.has(Role.LEAD_AUDITOR) else set()
    if scope.has(*AUDITORS):
        may |= {audit.programme_id for audit in audits if audit.auditor_id == scope.person_id}
    return [row for row in rows if row.programme_id in may]


async def proof(session: AsyncSession, scope: Scope, programme_id: UUID) -> Proof | None:
    """Replay what was published of this programme's draws, and hold the audits that stand against it."""
    row = await session.get(ProgrammeRow, programme_id)
    if row is None or not scope.has(*SEES_PROGRAMMES):
        return None
    logged = await session.stream(
        sa.select(col(DrawLog.type), col(DrawLog.body))
        .where(col(DrawLog.programme_id) == programme_id)
        .order_by(col(DrawLog.theme_id), col(DrawLog.version))
    )
    events = [_draw_event(kind, body) async for kind, body in logged]
    proved = prove(events, row.seed)
    stands = col(Audit.state).not_in((AuditState.RETURNED, AuditState.WITHDRAWN))
    audits = await session.execute(
        sa.select(col(Audit.assessment_id), col(Audit.by_hand), col(Audit.re_audit_of)).where(
            col(Audit.programme_id) == programme_id, stands
        )
    )
    drawn: set[UUID] = set()
    by_hand: set[UUID] = set()
    for assessment_id, hand, re_audit_of in audits:
        if re_audit_of is not None:
            proved.re_audits += 1
        else:
            (by_hand if hand else drawn).add(assessment_id)
    if drawn != proved.drawn or by_hand != proved.by_hand:
        proved.problems.append("the audits that stand are not the cases that were drawn")
    return proved


def _draw_event(kind: str, body: str) -> DrawEvent:
    event = EVENTS[kind].read(body)
    if not isinstance(event, DrawEvent):
        raise TypeError(f"{kind} is no part of a draw")
    return event


@dataclass(frozen=True, slots=True)
class Referable:
    """A piece of work on one child that somebody may refer, in one programme."""

    programme_id: UUID
    programme: str
    assessment_id: UUID
    facts: AssessmentRecorded
    free: bool

    @property
    def key(self) -> str:
        """Names it in a form."""
        return f"{self.programme_id}/{self.assessment_id}"


async def referable(session: AsyncSession, scope: Scope, case_id: str) -> list[Referable]:
    """The work on this child that open programmes know, of the teams that this person answers for (QA: of all)."""
    rows = await session.execute(
        sa.select(DecisionRow)
        .join(ChildLink, col(ChildLink.child_id) == col(DecisionRow.child_id))
        .join(ProgrammeRow, col(ProgrammeRow.programme_id) == col(DecisionRow.programme_id))
        .where(
            col(ChildLink.case_id) == case_id,
            col(ProgrammeRow.state) == ProgrammeState.OPEN,
            col(DecisionRow.facts).is_not(None),
        )
        .order_by(col(DecisionRow.decided_on).desc(), col(DecisionRow.assessment_id))
        .limit(50)
    )
    known = await plans(session, scope)
    teams = scope.teams | await people.teams_of_services(session, scope.services)
    found = []
    for row in rows.scalars():
        facts = AssessmentRecorded.read(row.facts or "")
        if scope.has(Role.QA_MANAGER) or facts.team_id in teams:
            name = known[row.programme_id].name
            found.append(Referable(row.programme_id, name, row.assessment_id, facts, choosable(row)))
    return found
