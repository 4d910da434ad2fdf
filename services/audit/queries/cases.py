"""Audits with what a page shows around them, for those who may read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.domain.audit_form import AuditForm
from services.audit.domain.census_codes import category_in_words, factor_in_words
from services.audit.domain.programme import Programme, Step
from services.audit.domain.re_audits import Change, change
from services.audit.models import Amendment, Audit, AuditState, ChildLink, HandOver, Loop, ProgrammeRow
from services.audit.standings import parse_plan
from shared.access import Role, Scope
from shared.access.tables import TEAM
from shared.events import AssessmentRecorded, EpisodeKind

AUDITORS = (Role.AUDITOR, Role.INTERNAL_AUDITOR, Role.LEAD_AUDITOR)

EPISODES = frozenset(EpisodeKind)
"""What a frame holds: it was open when it was drawn, so nobody finished it and it has no age."""


def readable(scope: Scope) -> sa.ColumnElement[bool]:
    """The audits whose narrative this person may read: the matrix of who sees what, as one condition."""
    done = col(Audit.state) == AuditState.COMPLETED
    allowed: list[sa.ColumnElement[bool]] = []
    if scope.has(*AUDITORS):
        allowed.append(col(Audit.auditor_id) == scope.person_id)
    if scope.has(Role.LEAD_AUDITOR):
        allowed.append(col(Audit.programme_id).in_(programmes_of(scope)))
    if scope.has(Role.PRACTITIONER):
        seen = sa.or_(done, col(Audit.state) == AuditState.CHECKING)
        allowed.append(sa.and_(col(Audit.worker_id) == scope.person_id, seen))
    if scope.has(Role.TEAM_MANAGER):
        allowed.append(sa.and_(col(Audit.team_id).in_(scope.teams), done))
    if scope.has(Role.HEAD_OF_SERVICE):
        teams = sa.select(TEAM.c.team_id).where(TEAM.c.service.in_(scope.services))
        allowed.append(sa.and_(col(Audit.team_id).in_(teams), done))
    if scope.has(Role.DCS):
        allowed.append(done)
    if scope.has(Role.QA_MANAGER):
        allowed.append(sa.true())
    return sa.or_(sa.false(), *allowed)


def programmes_of(scope: Scope) -> sa.Select[UUID]:
    """The programmes that this person is an auditor of."""
    auditors = sa.cast(col(ProgrammeRow.body), JSONB)["auditors"]
    return sa.select(col(ProgrammeRow.programme_id)).where(auditors.cast(JSONB).contains([{"person": scope.person_id}]))


async def plans(session: AsyncSession, scope: Scope) -> dict[UUID, Programme]:
    """Every programme, newest first: their names, themes and scales are no secret to anybody who may see an audit."""
    _ = scope
    rows = await session.execute(
        sa.select(col(ProgrammeRow.programme_id), col(ProgrammeRow.body)).order_by(
            col(ProgrammeRow.opens_on).desc(), col(ProgrammeRow.programme_id)
        )
    )
    return {row.programme_id: parse_plan(row.body) for row in rows}


@dataclass(frozen=True, slots=True)
class Sibling:
    """A case of the same family, or one that may be: what its page shows of it, and what may be done about it."""

    audit: Audit
    name: str
    theme: str
    is_family: bool
    may_read: bool
    may_answer: bool
    may_take: bool
    confirmed_by: str | None


@dataclass(frozen=True, slots=True)
class FirstAudit:
    """What the audit said whose case is looked at again, and where its loop stands."""

    audit: Audit
    said: AuditForm
    step: Step | None
    standing: str
    readable: bool
    """Whether this person may open that audit itself."""


@dataclass(frozen=True, slots=True)
class Case:
    """An audit with what a page shows around it."""

    audit: Audit
    plan: Programme
    facts: AssessmentRecorded
    case_id: str | None
    siblings: tuple[Sibling, ...] = ()
    first: FirstAudit | None = None
    """The audit before, where this is a re-audit of it."""

    @property
    def theme(self) -> str:
        """The theme's name."""
        return self.plan.theme(self.audit.theme_id).name

    @property
    def change(self) -> Change | None:
        """How the grade moved from the audit before; None where there was none, or until this one is complete."""
        if self.first is None or self.first.step is None or self.audit.grade is None:
            return None
        return change(self.plan, self.first.step.code, self.audit.grade)

    @property
    def name(self) -> str:
        """ "Case 4229480", or the start of the pseudonym."""
        return name_of(self.case_id, self.audit.child_id)

    @property
    def factors(self) -> list[str]:
        """What the assessment identified, each by code and name."""
        return [factor_in_words(code) for code in self.facts.factors]

    @property
    def category(self) -> str:
        """The category of abuse by code and name; empty where there is none."""
        return category_in_words(self.facts.category_of_abuse or "")

    @property
    def family(self) -> list[Sibling]:
        """The siblings whom the sender names or an auditor has confirmed."""
        return [sibling for sibling in self.siblings if sibling.is_family]

    @property
    def suggested(self) -> list[Sibling]:
        """Those who may be siblings, and of whom nobody has said yet."""
        return [sibling for sibling in self.siblings if not sibling.is_family]

    @property
    def begun(self) -> bool:
        """Whether anything was saved."""
        return self.audit.saved > 0


def name_of(case_id: str | None, child_id: UUID) -> str:
    """How a case is named: before its id has come, and once that is erased, by the start of the pseudonym."""
    return f"Case {case_id or child_id.hex[:8]}"


async def cases_of(session: AsyncSession, scope: Scope, audits: Sequence[Audit]) -> list[Case]:
    if not audits:
        return []
    known = await plans(session, scope)
    links = await case_ids(session, {audit.child_id for audit in audits})
    firsts = await _firsts(session, scope, audits, known)
    return [
        Case(
            audit,
            known[audit.programme_id],
            AssessmentRecorded.read(audit.facts),
            links.get(audit.child_id),
            first=firsts.get(audit.re_audit_of),
        )
        for audit in audits
    ]


async def _firsts(
    session: AsyncSession, scope: Scope, audits: Sequence[Audit], known: Mapping[UUID, Programme]
) -> dict[UUID | None, FirstAudit]:
    """The audits that those of these which are re-audits look at again: who may see the one sees the other beside."""
    ids = {audit.re_audit_of for audit in audits if audit.re_audit_of is not None}
    if not ids:
        return {}
    rows = await session.execute(
        sa.select(Audit, col(Loop.standing), readable(scope))
        .outerjoin(Loop, col(Loop.audit_id) == col(Audit.audit_id))
        .where(col(Audit.audit_id).in_(ids))
    )
    return {
        audit.audit_id: FirstAudit(
            audit,
            AuditForm.model_validate_json(audit.form),
            known[audit.programme_id].step(audit.grade or ""),
            standing or "",
            bool(may),
        )
        for audit, standing, may in rows
    }


async def case_ids(session: AsyncSession, children: set[UUID]) -> Mapping[UUID, str]:
    """The case system's ids of these children, as far as they are known and not erased."""
    rows = await session.execute(
        sa.select(col(ChildLink.child_id), col(ChildLink.case_id)).where(col(ChildLink.child_id).in_(children))
    )
    return {row.child_id: row.case_id for row in rows}


async def readable_case(session: AsyncSession, scope: Scope, audit_id: UUID, *, lock: bool = False) -> Case | None:
    """One audit with its narrative, if this person may read it; with `lock`, to change it."""
    query = sa.select(Audit).where(col(Audit.audit_id) == audit_id, readable(scope))
    if lock:
        query = query.with_for_update(of=Audit).execution_options(populate_existing=True)
    audit = (await session.execute(query)).scalar_one_or_none()
    return (await cases_of(session, scope, [audit]))[0] if audit is not None else None


async def opens_with_reason(session: AsyncSession, scope: Scope, audit_id: UUID) -> bool:
    """Whether this person may read the audit as DCS alone, and so says first why they open it."""
    if not scope.has(Role.DCS):
        return False
    otherwise = replace(scope, roles=scope.roles - {Role.DCS})
    return await readable_case(session, otherwise, audit_id) is None


async def audits_of_case(session: AsyncSession, scope: Scope, case_id: str) -> list[Case]:
    """The audits of one case that this person may read, the newest first: for somebody who knows only the case's id."""
    query = (
        sa.select(Audit)
        .join(ChildLink, col(ChildLink.child_id) == col(Audit.child_id))
        .where(col(ChildLink.case_id) == case_id, readable(scope))
        .order_by(col(Audit.sampled_on).desc(), col(Audit.audit_id))
        .limit(50)
    )
    return await cases_of(session, scope, list((await session.execute(query)).scalars()))


async def own_case(session: AsyncSession, scope: Scope, audit_id: UUID, *, lock: bool = False) -> Case | None:
    """One audit of this auditor's own."""
    case = await readable_case(session, scope, audit_id, lock=lock)
    return case if case is not None and case.audit.auditor_id == scope.person_id else None


async def has_gone_to(session: AsyncSession, scope: Scope, audit_id: UUID, to: str) -> bool:
    """Whether the last that became of this audit is that this person handed it over to that colleague."""
    query = sa.select(HandOver).where(col(HandOver.audit_id) == audit_id).order_by(col(HandOver.version).desc())
    last = (await session.execute(query.limit(1))).scalar_one_or_none()
    return last is not None and (last.auditor_id, last.to_auditor_id) == (scope.person_id, to)


async def claimable_case(session: AsyncSession, scope: Scope, audit_id: UUID) -> Case | None:
    """One audit, locked, of a programme that this person audits in: to claim it. Nothing of its narrative is shown."""
    query = (
        sa.select(Audit)
        .where(col(Audit.audit_id) == audit_id, col(Audit.programme_id).in_(programmes_of(scope)))
        .with_for_update(of=Audit)
        .execution_options(populate_existing=True)
    )
    audit = (await session.execute(query)).scalar_one_or_none()
    return (await cases_of(session, scope, [audit]))[0] if audit is not None else None


async def earlier_forms(session: AsyncSession, scope: Scope, audit_id: UUID) -> list[Amendment]:
    """What the audit said before each amendment, newest first."""
    rows = await session.execute(
        sa.select(Amendment)
        .join(Audit, col(Audit.audit_id) == col(Amendment.audit_id))
        .where(col(Amendment.audit_id) == audit_id, readable(scope))
        .order_by(col(Amendment.version).desc())
    )
    return list(rows.scalars())


async def hand_overs(session: AsyncSession, scope: Scope, audit_id: UUID) -> list[HandOver]:
    """Who held the case before, newest first."""
    rows = await session.execute(
        sa.select(HandOver)
        .join(Audit, col(Audit.audit_id) == col(HandOver.audit_id))
        .where(col(HandOver.audit_id) == audit_id, readable(scope))
        .order_by(col(HandOver.version).desc())
    )
    return list(rows.scalars())


async def loop_of(session: AsyncSession, scope: Scope, audit_id: UUID) -> Loop | None:
    """Where the loop of an audit stands, for who may read the audit; None before remedial has said anything."""
    query = (
        sa.select(Loop)
        .join(Audit, col(Audit.audit_id) == col(Loop.audit_id))
        .where(col(Loop.audit_id) == audit_id, readable(scope))
    )
    return (await session.execute(query)).scalar_one_or_none()
