"""A small council: two teams, those who work and watch there, one programme, and audits made to order."""

from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import msgspec
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncSession

from services.remedial import watching
from services.remedial.loops import locked_loops
from shared.access import Scope
from shared.events import (
    AuditAmended,
    AuditCompleted,
    ChildLinked,
    Event,
    Finding,
    Grade,
    PersonRecorded,
    ProgrammeOpened,
    TeamMembership,
    TeamRecorded,
    TextWritten,
    Theme,
)

MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
PROGRAMME = UUID(int=1)
CHILD = UUID(int=7)


def person(
    person_id: str, *roles: str, team: str | None = None, active: bool = True, version: int = 1
) -> PersonRecorded:
    """Somebody, in a team where they work in one; a manager manages it."""
    manages = (team,) if team and "team_manager" in roles else ()
    belongs = (TeamMembership(team_id=team, since=date(2020, 1, 1)),) if team else ()
    return PersonRecorded(
        occurred_at=MONDAY,
        person_id=person_id,
        name=person_id.replace("-", " ").title(),
        roles=roles,
        teams=belongs,
        manages=manages,
        services=("children",) if "head_of_service" in roles else (),
        active=active,
        version=version,
    )


PEOPLE = (
    TeamRecorded(occurred_at=MONDAY, team_id="team-1", name="Assessment North", kind="assessment", service="children"),
    TeamRecorded(occurred_at=MONDAY, team_id="team-2", name="Assessment South", kind="assessment", service="other"),
    person("worker-1", "practitioner", team="team-1"),
    person("worker-2", "practitioner", team="team-1"),
    person("worker-3", "practitioner", team="team-2"),
    person("gone-1", "practitioner", team="team-1", active=False),
    person("manager-1", "team_manager", team="team-1"),
    person("manager-2", "team_manager", team="team-2"),
    person("head-1", "head_of_service"),
    person("support-1", "business_support"),
    person("qa-1", "qa_manager"),
    person("dcs-1", "dcs"),
    person("auditor-1", "auditor"),
    person("auditor-2", "auditor"),
    person("admin-1", "administrator"),
)

PROGRAMME_OPENED = ProgrammeOpened(
    occurred_at=MONDAY,
    programme_id=PROGRAMME,
    name="Autumn 2026",
    council="999",
    opens_on=date(2026, 9, 1),
    closes_on=date(2026, 12, 31),
    themes=(Theme(theme_id="neglect", name="Neglect", target=105),),
    scale=(
        Grade(code="green", name="Green", rank=0, rag="green"),
        Grade(code="amber", name="Amber", rank=1, rag="amber"),
        Grade(code="red", name="Red", rank=2, rag="red"),
    ),
    action_working_days=5,
    red_action_working_days=3,
)


def finding(domain: str = "planning", *, owner: str | None = None, needs_action: bool = True) -> Finding:
    """Something an audit found."""
    return Finding(
        finding_id=uuid4(),
        domain=domain,
        level="practitioner",
        severity="high",
        needs_action=needs_action,
        owner_id=owner,
    )


def completed(
    *findings: Finding, worker: str | None = "worker-1", rag: str = "amber", audit_id: UUID | None = None
) -> AuditCompleted:
    """An audit as its auditor finished it on Monday morning."""
    return AuditCompleted(
        occurred_at=MONDAY,
        version=5,
        audit_id=audit_id or uuid4(),
        assessment_id=uuid4(),
        child_id=CHILD,
        programme_id=PROGRAMME,
        theme_id="neglect",
        kind="assessment",
        auditor_id="auditor-1",
        team_id="team-1",
        worker_id=worker,
        authorised_by="manager-9",
        authorised_on=date(2026, 11, 19),
        sampled_on=date(2026, 11, 20),
        grade=rag,
        rag=rag,
        findings=findings,
    )


def amended(audit: AuditCompleted, *findings: Finding, version: int = 6, at: datetime = MONDAY) -> AuditAmended:
    """The same audit with these findings in place of its own."""
    facts = structs.asdict(audit) | {"findings": findings, "version": version, "occurred_at": at}
    return msgspec.convert({**facts, "amendment_id": uuid4()}, AuditAmended)


def words(about: Finding, audit: AuditCompleted) -> TextWritten:
    """What the auditor wrote about a finding."""
    parts = {"finding": "The plan has no dates.", "action": "Set dates with the family."}
    return TextWritten(occurred_at=MONDAY, text_id=about.finding_id, about=audit.audit_id, parts=parts)


CASE = ChildLinked(occurred_at=MONDAY, child_id=CHILD, case_id="C-1001")


def scope(person_id: str, *roles: str, teams: tuple[str, ...] = (), services: tuple[str, ...] = ()) -> Scope:
    """Who asks."""
    return Scope(person_id, person_id, frozenset(roles), frozenset(teams), frozenset(services))


WORKER = scope("worker-1", "practitioner")
COLLEAGUE = scope("worker-2", "practitioner")
MANAGER = scope("manager-1", "team_manager", teams=("team-1",))
OTHER_MANAGER = scope("manager-2", "team_manager", teams=("team-2",))
HEAD = scope("head-1", "head_of_service", services=("children",))
SUPPORT = scope("support-1", "business_support")
QA = scope("qa-1", "qa_manager")
AUDITOR = scope("auditor-1", "auditor")
OTHER_AUDITOR = scope("auditor-2", "auditor")


async def escalated(session: AsyncSession, day: date, now: datetime) -> list[Event]:
    """What is overdue as that day begins climbs a step."""
    late = await watching.late(session, day)
    return await watching.escalate(
        session, await locked_loops(session, (each.audit_id for each in late)), late, day, now
    )
