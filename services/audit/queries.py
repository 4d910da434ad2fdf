"""What pages and the api read. Every query takes the scope and narrows by it: what you may not see is not there."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit import draws
from services.audit.by_hand import choosable
from services.audit.domain.census_codes import category_in_words, factor_in_words
from services.audit.domain.forecast import Forecast, Outlook, forecast
from services.audit.domain.hours import WeekOfWork, weeks_of_work
from services.audit.domain.programme import Programme
from services.audit.domain.proof import Proof, prove
from services.audit.models import (
    OPEN_STATES,
    Amendment,
    Audit,
    AuditState,
    ChildLink,
    DecisionRow,
    DrawLog,
    HandOver,
    Loop,
    ProgrammeRow,
    ProgrammeState,
    ProgrammeVersion,
    Readiness,
    ThemeRow,
    ThemeWeekRow,
)
from shared.access import Role, Scope, people
from shared.access.tables import TEAM
from shared.events import EVENTS, AssessmentRecorded, DrawEvent

AUDITORS = (Role.AUDITOR, Role.INTERNAL_AUDITOR, Role.LEAD_AUDITOR)


def readable(scope: Scope) -> sa.ColumnElement[bool]:
    """The audits whose narrative this person may read: the matrix of who sees what, as one condition."""
    done = col(Audit.state) == AuditState.COMPLETED
    allowed: list[sa.ColumnElement[bool]] = []
    if scope.has(*AUDITORS):
        allowed.append(col(Audit.auditor_id) == scope.person_id)
    if scope.has(Role.LEAD_AUDITOR):
        allowed.append(col(Audit.programme_id).in_(_programmes_of(scope)))
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


def _programmes_of(scope: Scope) -> sa.Select[UUID]:
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
    return {row.programme_id: draws.parse_plan(row.body) for row in rows}


@dataclass(frozen=True, slots=True)
class Case:
    """An audit with what a page shows around it."""

    audit: Audit
    plan: Programme
    facts: AssessmentRecorded
    case_id: str | None

    @property
    def theme(self) -> str:
        """The theme's name."""
        return self.plan.theme(self.audit.theme_id).name

    @property
    def name(self) -> str:
        """ "Case 4229480"; before its id has come, and once that is erased, the start of the pseudonym."""
        return f"Case {self.case_id or self.audit.child_id.hex[:8]}"

    @property
    def factors(self) -> list[str]:
        """What the assessment identified, each by code and name."""
        return [factor_in_words(code) for code in self.facts.factors]

    @property
    def category(self) -> str:
        """The category of abuse by code and name; empty where there is none."""
        return category_in_words(self.facts.category_of_abuse or "")

    def age(self, today: date) -> int:
        """Calendar days since the work was finished."""
        return (today - self.audit.authorised_on).days

    @property
    def near_live(self) -> bool:
        """Whether it was drawn within the near-live window."""
        return (self.audit.sampled_on - self.audit.authorised_on) <= timedelta(days=self.plan.near_live_days or 7)

    @property
    def begun(self) -> bool:
        """Whether anything was saved."""
        return self.audit.saved > 0


async def _cases(session: AsyncSession, scope: Scope, audits: Sequence[Audit]) -> list[Case]:
    known = await plans(session, scope)
    links = await case_ids(session, {audit.child_id for audit in audits})
    return [
        Case(
            audit,
            known[audit.programme_id],
            AssessmentRecorded.model_validate_json(audit.facts),
            links.get(audit.child_id),
        )
        for audit in audits
    ]


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
    return (await _cases(session, scope, [audit]))[0] if audit is not None else None


async def audits_of_case(session: AsyncSession, scope: Scope, case_id: str) -> list[Case]:
    """The audits of one case that this person may read, the newest first: for somebody who knows only the case's id."""
    query = (
        sa.select(Audit)
        .join(ChildLink, col(ChildLink.child_id) == col(Audit.child_id))
        .where(col(ChildLink.case_id) == case_id, readable(scope))
        .order_by(col(Audit.sampled_on).desc(), col(Audit.audit_id))
        .limit(50)
    )
    return await _cases(session, scope, list((await session.execute(query)).scalars()))


async def own_case(session: AsyncSession, scope: Scope, audit_id: UUID, *, lock: bool = False) -> Case | None:
    """One audit of this auditor's own."""
    case = await readable_case(session, scope, audit_id, lock=lock)
    return case if case is not None and case.audit.auditor_id == scope.person_id else None


async def claimable_case(session: AsyncSession, scope: Scope, audit_id: UUID) -> Case | None:
    """One audit, locked, of a programme that this person audits in: to claim it. Nothing of its narrative is shown."""
    query = (
        sa.select(Audit)
        .where(col(Audit.audit_id) == audit_id, col(Audit.programme_id).in_(_programmes_of(scope)))
        .with_for_update(of=Audit)
        .execution_options(populate_existing=True)
    )
    audit = (await session.execute(query)).scalar_one_or_none()
    return (await _cases(session, scope, [audit]))[0] if audit is not None else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """How somebody narrows and sorts the inbox."""

    theme: str = ""
    team: str = ""
    sort: str = "due"

    @property
    def narrows(self) -> bool:
        """Whether anything is left out."""
        return bool(self.theme or self.team)


@dataclass(frozen=True, slots=True)
class Inbox:
    """What stands in one auditor's inbox: their own open audits, and those that they could take."""

    mine: list[Case]
    total: int
    others: list[Case]


LONGEST_INBOX = 200


async def inbox(session: AsyncSession, scope: Scope, wanted: Wanted) -> Inbox:
    """The auditor's open audits, first due first, families together; and colleagues' cases that nobody has begun."""
    own = sa.and_(col(Audit.auditor_id) == scope.person_id, col(Audit.state).in_(OPEN_STATES))
    total = (await session.execute(sa.select(sa.func.count()).select_from(Audit).where(own))).scalar_one()
    mine = await session.execute(_narrowed(own, wanted))
    free = sa.and_(
        col(Audit.programme_id).in_(_programmes_of(scope)),
        col(Audit.state).in_((AuditState.WAITING, AuditState.ALLOCATED)),
        col(Audit.auditor_id).is_distinct_from(scope.person_id),
        col(Audit.worker_id).is_distinct_from(scope.person_id),
        col(Audit.authorised_by).is_distinct_from(scope.person_id),
        col(Audit.saved) == 0,
    )
    others = await session.execute(_narrowed(free, wanted).limit(50))
    return Inbox(
        mine=_families_together(await _cases(session, scope, mine.scalars().all())),
        total=total,
        others=await _cases(session, scope, others.scalars().all()),
    )


def _narrowed(which: sa.ColumnElement[bool], wanted: Wanted) -> sa.Select[Audit]:
    query = sa.select(Audit).where(which)
    if wanted.theme:
        query = query.where(col(Audit.theme_id) == wanted.theme)
    if wanted.team:
        query = query.where(col(Audit.team_id) == wanted.team)
    first = col(Audit.authorised_on) if wanted.sort == "age" else col(Audit.due_on)
    return query.order_by(first.nulls_first(), col(Audit.authorised_on), col(Audit.audit_id)).limit(LONGEST_INBOX)


def _families_together(cases: Sequence[Case]) -> list[Case]:
    """Each family where its first case stands."""
    place = {case.audit.family_key: at for at, case in reversed(list(enumerate(cases)))}
    numbered = list(enumerate(cases))
    return [case for _, case in sorted(numbered, key=lambda each: (_place(place, *each), each[0]))]


def _place(place: Mapping[str | None, int], at: int, case: Case) -> int:
    return place[case.audit.family_key] if case.audit.family_key else at


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


@dataclass(frozen=True, slots=True)
class ThemeProgress:
    """Targets against what was drawn and done, for one theme."""

    theme: ThemeRow
    weeks: list[ThemeWeekRow]
    sampled: int
    completed: int
    near_live: int
    by_hand: int
    red: int
    amber: int
    green: int

    @property
    def open_week(self) -> ThemeWeekRow | None:
        """The week that is open now, if any."""
        return next((week for week in self.weeks if not week.closed), None)

    def outlook(self, plan: Programme) -> Outlook:
        """What a forecast needs to know of the theme."""
        week = self.open_week or self.weeks[-1]
        return Outlook(
            target=self.theme.target,
            done=self.theme.done,
            week=week.week,
            weeks=plan.weeks,
            arrived=week.arrivals,
            drawn=week.drawn,
            earlier=[each.arrivals for each in self.weeks if each.closed],
            estimate=plan.theme(self.theme.theme_id).expected_a_week,
        )


@dataclass(frozen=True, slots=True)
class AuditorProgress:
    """How one auditor stands."""

    person: str
    hours_a_week: float
    waiting: int
    late: int
    completed: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How a programme stands."""

    row: ProgrammeRow
    plan: Programme
    versions: list[ProgrammeVersion]
    themes: list[ThemeProgress]
    auditors: list[AuditorProgress]

    @property
    def outlooks(self) -> dict[str, Forecast]:
        """Where each theme that has an open week will end; the same figures for the same state."""
        return {
            each.theme.theme_id: forecast(each.outlook(self.plan), random.Random(str(self.row.programme_id)))  # noqa: S311
            for each in self.themes
            if each.open_week is not None
        }

    @property
    def work(self) -> list[WeekOfWork]:
        """The auditors' hours beside what the targets ask for, week by week."""
        return weeks_of_work(self.plan)

    @property
    def target(self) -> int:
        """How many audits are wanted in all."""
        return sum(each.theme.target for each in self.themes)

    @property
    def sampled(self) -> int:
        """How many cases are in the sample."""
        return sum(each.sampled for each in self.themes)

    @property
    def completed(self) -> int:
        """How many audits are complete."""
        return sum(each.completed for each in self.themes)

    @property
    def near_live(self) -> int:
        """How many cases were drawn within the near-live window."""
        return sum(each.near_live for each in self.themes)


SEES_PROGRAMMES = (
    Role.AUDITOR,
    Role.INTERNAL_AUDITOR,
    Role.LEAD_AUDITOR,
    Role.QA_MANAGER,
    Role.ADMINISTRATOR,
    Role.HEAD_OF_SERVICE,
    Role.DCS,
)


SEES_DRAWS = tuple(role for role in SEES_PROGRAMMES if role is not Role.ADMINISTRATOR)
"""Who may ask why a case was drawn: an administrator runs the system and sees no case."""


async def programme_rows(session: AsyncSession, scope: Scope) -> list[ProgrammeRow]:
    """Every programme, the newest first."""
    if not scope.has(*SEES_PROGRAMMES):
        return []
    rows = await session.execute(
        sa.select(ProgrammeRow).order_by(col(ProgrammeRow.opens_on).desc(), col(ProgrammeRow.name))
    )
    return list(rows.scalars())


async def progress(session: AsyncSession, scope: Scope, programme_id: UUID, today: date) -> Progress | None:
    """One programme's targets against what is done, by theme, week and auditor: counts, no case and no narrative."""
    row = await session.get(ProgrammeRow, programme_id)
    if row is None or not scope.has(*SEES_PROGRAMMES):
        return None
    plan = draws.parse_plan(row.body)
    versions = await session.execute(
        sa.select(ProgrammeVersion)
        .where(col(ProgrammeVersion.programme_id) == programme_id)
        .order_by(col(ProgrammeVersion.number).desc())
    )
    return Progress(
        row,
        plan,
        list(versions.scalars()),
        await _themes(session, plan),
        await _auditors(session, plan, today),
    )


async def _themes(session: AsyncSession, plan: Programme) -> list[ThemeProgress]:
    themes = await session.execute(
        sa.select(ThemeRow).where(col(ThemeRow.programme_id) == plan.programme_id).order_by(col(ThemeRow.position))
    )
    weeks = await session.execute(
        sa.select(ThemeWeekRow)
        .where(col(ThemeWeekRow.programme_id) == plan.programme_id)
        .order_by(col(ThemeWeekRow.week))
    )
    by_theme: dict[str, list[ThemeWeekRow]] = {}
    for week in weeks.scalars():
        by_theme.setdefault(week.theme_id, []).append(week)
    counts = await _counts(session, plan)
    return [
        ThemeProgress(theme, by_theme.get(theme.theme_id, []), *counts.get(theme.theme_id, (0, 0, 0, 0, 0, 0, 0)))
        for theme in themes.scalars()
    ]


async def _counts(session: AsyncSession, plan: Programme) -> dict[str, tuple[int, ...]]:
    stands = col(Audit.state).not_in((AuditState.RETURNED, AuditState.WITHDRAWN))
    done = col(Audit.state) == AuditState.COMPLETED
    drawn = sa.and_(stands, ~col(Audit.by_hand))
    window = col(Audit.sampled_on) - col(Audit.authorised_on) <= (plan.near_live_days or 7)
    ratings = [sa.func.count().filter(done, col(Audit.rag) == colour) for colour in ("red", "amber", "green")]
    rows = await session.execute(
        sa.select(
            col(Audit.theme_id),
            sa.func.count().filter(drawn),
            sa.func.count().filter(done, ~col(Audit.by_hand)),
            sa.func.count().filter(drawn, window),
            sa.func.count().filter(stands, col(Audit.by_hand)),
            *ratings,
        )
        .where(col(Audit.programme_id) == plan.programme_id)
        .group_by(col(Audit.theme_id))
    )
    return {row[0]: tuple(row[1:]) for row in rows}


async def _auditors(session: AsyncSession, plan: Programme, today: date) -> list[AuditorProgress]:
    waiting = col(Audit.state).in_(OPEN_STATES)
    rows = await session.execute(
        sa.select(
            col(Audit.auditor_id),
            sa.func.count().filter(waiting),
            sa.func.count().filter(waiting, col(Audit.due_on) < today),
            sa.func.count().filter(col(Audit.state) == AuditState.COMPLETED),
        )
        .where(col(Audit.programme_id) == plan.programme_id)
        .group_by(col(Audit.auditor_id))
    )
    counts = {row[0]: tuple(row[1:]) for row in rows}
    return [
        AuditorProgress(each.person, each.hours_a_week, *counts.get(each.person, (0, 0, 0))) for each in plan.auditors
    ]


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
    """For each programme, what became of this assessment. Codes and chances only: no narrative, no grade."""
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
    audits = list(found.scalars())
    answered = []
    for row in decisions.scalars():
        week = None
        if row.theme_id is not None:
            week = await session.get(ThemeWeekRow, (row.programme_id, row.theme_id, row.week))
        of_programme = [audit for audit in audits if audit.programme_id == row.programme_id]
        answered.append(Answer(row, known.get(row.programme_id), week, of_programme))
    return answered


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
        sa.select(col(Audit.assessment_id), col(Audit.by_hand)).where(col(Audit.programme_id) == programme_id, stands)
    )
    drawn: set[UUID] = set()
    by_hand: set[UUID] = set()
    for assessment_id, hand in audits:
        (by_hand if hand else drawn).add(assessment_id)
    if drawn != proved.drawn or by_hand != proved.by_hand:
        proved.problems.append("the audits that stand are not the cases that were drawn")
    return proved


def _draw_event(kind: str, body: str) -> DrawEvent:
    event = EVENTS[kind].model_validate_json(body)
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
        facts = AssessmentRecorded.model_validate_json(row.facts or "")
        if scope.has(Role.QA_MANAGER) or facts.team_id in teams:
            name = known[row.programme_id].name
            found.append(Referable(row.programme_id, name, row.assessment_id, facts, choosable(row)))
    return found


async def loop_of(session: AsyncSession, scope: Scope, audit_id: UUID) -> Loop | None:
    """Where the loop of an audit stands, for who may read the audit; None before remedial has said anything."""
    query = (
        sa.select(Loop)
        .join(Audit, col(Audit.audit_id) == col(Loop.audit_id))
        .where(col(Loop.audit_id) == audit_id, readable(scope))
    )
    return (await session.execute(query)).scalar_one_or_none()


async def waiting_for_me(session: AsyncSession, scope: Scope) -> int:
    """How many actions of this auditor's audits are reported done and wait to be verified."""
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(col(Loop.waiting)), 0))
        .join(Audit, col(Audit.audit_id) == col(Loop.audit_id))
        .where(col(Audit.auditor_id) == scope.person_id)
    )
    return int((await session.execute(query)).scalar_one())


async def readiness(session: AsyncSession, scope: Scope, programme_id: UUID) -> dict[str, Readiness]:
    """The ticked items of a programme's checklist."""
    if not scope.has(*SEES_PROGRAMMES):
        return {}
    rows = await session.execute(sa.select(Readiness).where(col(Readiness.programme_id) == programme_id))
    return {row.item: row for row in rows.scalars()}
