"""The projections that every figure and page of reporting reads: one row for each thing an owner told us about.

A row folds its events in the order of their versions: an older version never overwrites a newer one, and one that is
seen twice changes nothing. Rows refer to each other by id only and without foreign keys, because topics arrive in any
order: an action may be here before its audit.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from services.reporting.domain.board_report import FROZEN, FrozenFigures, Stage
from services.reporting.domain.facts import (
    ActionFact,
    ActionStatus,
    AuditFact,
    AuditStatus,
    ConcernFact,
    LoopFact,
    SessionStatus,
)
from shared.events import (
    ActionChanged,
    ActionChased,
    ActionEscalated,
    ActionEvent,
    ActionExtended,
    ActionRaised,
    ActionReassigned,
    ActionReopened,
    ActionReported,
    ActionReturned,
    ActionVerified,
    ActionWithdrawn,
    AuditAmended,
    AuditCompleted,
    AuditEvent,
    AuditState,
    AuditWithdrawn,
    BoardReportPublished,
    CaseAllocated,
    CaseReturned,
    CaseSampled,
    ChallengeAnswered,
    ConcernAcknowledged,
    ConcernClosed,
    ConcernEscalated,
    DrawsDecided,
    EscalationAcknowledged,
    Event,
    FeedEnded,
    FeedEvent,
    FeedFellSilent,
    FeedReceived,
    LoopClosed,
    LoopEvent,
    LoopReopened,
    ProgrammeClosed,
    ProgrammeEvent,
    ProgrammeOpened,
    SessionCancelled,
    SessionHeld,
    SessionState,
    SiblingsConfirmed,
    SiblingsParted,
    SupportSessionEvent,
    ThemeWeekClosed,
    ThemeWeekOpened,
    VerificationChecked,
    WorkersUnmatched,
)


class Table(SQLModel, registry=registry()):
    """The base of this service's tables. Its registry is its own, so four services can live in one process."""


Instant = sa.DateTime(timezone=True)

ASKED_AGAIN = {"amended", "reopened"}
"""Why a loop is open again though nothing happened to the child: an action is asked for, or asked for again."""


class Projection(Table):
    """A row folded from events."""

    version: int = 0

    def fold(self, event: Event) -> None:
        """Take the event in, unless the row already holds a newer version."""
        if event.version >= self.version:
            self.version = event.version
            self._take(event)

    def _take(self, event: Event) -> None:
        raise NotImplementedError


class Programme(Projection, table=True):
    """A thematic audit programme, as its newest version says."""

    programme_id: UUID = Field(primary_key=True)
    name: str = ""
    opens_on: date | None = None
    closes_on: date | None = None
    themes: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSONB)
    """`theme_id`, `name` and `target` of each theme, in the programme's order."""
    closed: bool = False

    def _take(self, event: Event) -> None:
        if isinstance(event, ProgrammeOpened):
            self.name, self.opens_on, self.closes_on = event.name, event.opens_on, event.closes_on
            self.themes = [structs.asdict(theme) for theme in event.themes]
            self.closed = False
        elif isinstance(event, ProgrammeClosed):
            self.closed = True


class ThemeWeek(Projection, table=True):
    """One week of one theme: what it wanted, what arrived, what was drawn."""

    __tablename__: ClassVar[str] = "theme_week"

    programme_id: UUID = Field(primary_key=True)
    theme_id: str = Field(primary_key=True)
    week: int = Field(primary_key=True)
    opens_on: date | None = None
    want: int = 0
    arrivals: int = 0
    drawn: int | None = None
    closed: bool = False

    def _take(self, event: Event) -> None:
        if isinstance(event, ThemeWeekOpened):
            self.opens_on, self.want = event.opens_on, event.want
        elif isinstance(event, DrawsDecided):
            self.arrivals = max([self.arrivals, *(decision.sequence for decision in event.decisions)])
        elif isinstance(event, ThemeWeekClosed):
            self.arrivals, self.drawn, self.closed = event.arrivals, event.drawn, True


class Assessment(Table, table=True):
    """Finished work on one child, for search by case id. Narrow: a council has many."""

    assessment_id: UUID = Field(primary_key=True)
    version: int = 0
    child_id: UUID = Field(index=True)
    kind: str
    authorised_on: date
    team_id: str | None = None
    withdrawn: bool = False


class Child(Table, table=True):
    """Which case of the case management system a pseudonym stands for; `case_id` is gone once it was erased."""

    child_id: UUID = Field(primary_key=True)
    version: int = 0
    case_id: str | None = Field(default=None, index=True)


class Audit(Projection, table=True):
    """A sampled case and its audit."""

    audit_id: UUID = Field(primary_key=True)
    assessment_id: UUID | None = None
    child_id: UUID | None = Field(default=None, index=True)
    programme_id: UUID | None = Field(default=None, index=True)
    theme_id: str = ""
    week: int | None = None
    kind: str = ""
    team_id: str | None = None
    worker_id: str | None = Field(default=None, index=True)
    auditor_id: str | None = Field(default=None, index=True)
    by_hand: bool = False
    authorised_on: date | None = None
    sampled_on: date | None = None
    due_on: date | None = None
    status: str = AuditStatus.SAMPLED
    grade: str | None = None
    rag: str | None = None
    findings: int = 0
    strengths: int = 0
    completed_at: datetime | None = Field(default=None, sa_type=Instant)
    amended: bool = False
    answered: int = 0
    upheld: int = 0
    re_audit_of: UUID | None = Field(default=None, index=True)
    """The audit whose case it looks at again: its rating stands beside that one's and is counted apart."""
    family_key: str | None = None
    """Siblings who were assessed together have one: named by the sender, or confirmed by an auditor."""

    def _take(self, event: Event) -> None:
        if isinstance(event, CaseSampled):
            self._place(event)
            self.week, self.family_key = event.week, event.family_key
        elif isinstance(event, SiblingsConfirmed):
            self.family_key = event.family_key
        elif isinstance(event, SiblingsParted):
            self.family_key = None
        elif isinstance(event, CaseAllocated):
            self.auditor_id, self.due_on, self.status = event.auditor_id, event.due_on, AuditStatus.ALLOCATED
        elif isinstance(event, CaseReturned):
            self.auditor_id, self.status = None, AuditStatus.RETURNED
        elif isinstance(event, AuditState):
            self._complete(event)
        elif isinstance(event, AuditWithdrawn):
            self.status = AuditStatus.WITHDRAWN
        elif isinstance(event, ChallengeAnswered):
            self.answered += 1
            self.upheld += event.upheld

    def _place(self, event: CaseSampled | AuditState) -> None:
        self.assessment_id, self.child_id = event.assessment_id, event.child_id
        self.programme_id, self.theme_id, self.kind = event.programme_id, event.theme_id, event.kind
        self.team_id, self.worker_id, self.by_hand = event.team_id, event.worker_id, event.by_hand
        self.authorised_on, self.sampled_on = event.authorised_on, event.sampled_on
        self.re_audit_of = event.re_audit_of

    def _complete(self, event: AuditState) -> None:
        self._place(event)
        self.auditor_id, self.status = event.auditor_id, AuditStatus.COMPLETED
        self.grade, self.rag = event.grade, event.rag
        self.findings, self.strengths = len(event.findings), event.strengths
        # The day of the first completion: an amendment does not make an audit younger.
        if isinstance(event, AuditCompleted) or self.completed_at is None:
            self.completed_at = event.occurred_at
        self.amended = isinstance(event, AuditAmended)

    def fact(self) -> AuditFact | None:
        """The audit as figures see it; none until the owner has said what it is about."""
        if self.programme_id is None or self.authorised_on is None or self.sampled_on is None:
            return None
        return AuditFact(
            audit_id=self.audit_id,
            programme_id=self.programme_id,
            theme_id=self.theme_id,
            team_id=self.team_id,
            worker_id=self.worker_id,
            status=self.status,
            by_hand=self.by_hand,
            authorised_on=self.authorised_on,
            sampled_on=self.sampled_on,
            rag=self.rag,
            completed_at=self.completed_at,
            answered=self.answered,
            upheld=self.upheld,
            kind=self.kind,
            family_key=self.family_key,
        )


class Action(Projection, table=True):
    """A remedial action and whose turn it is."""

    action_id: UUID = Field(primary_key=True)
    audit_id: UUID = Field(index=True)
    child_id: UUID | None = Field(default=None, index=True)
    programme_id: UUID | None = Field(default=None, index=True)
    theme_id: str = ""
    auditor_id: str | None = Field(default=None, index=True)
    owner_id: str | None = Field(default=None, index=True)
    team_id: str | None = None
    domain: str = ""
    severity: str = ""
    status: str = ActionStatus.OPEN
    raised_at: datetime | None = Field(default=None, sa_type=Instant)
    first_due_at: datetime | None = Field(default=None, sa_type=Instant)
    due_on: date | None = None
    due_at: datetime | None = Field(default=None, sa_type=Instant)
    reported_at: datetime | None = Field(default=None, sa_type=Instant)
    reported_by: str | None = None
    verified_at: datetime | None = Field(default=None, sa_type=Instant)
    in_time: bool | None = None
    check_upheld: bool | None = None
    extensions: int = 0
    reassignments: int = 0
    escalated_step: int = 0
    escalated_to: str | None = None
    escalation_acknowledged: bool = False
    chased: int = 0

    def _take(self, event: Event) -> None:
        if isinstance(event, ActionRaised):
            self._raise(event)
        elif isinstance(event, ActionReported):
            self.status, self.reported_at, self.reported_by = ActionStatus.REPORTED, event.occurred_at, event.by
        elif isinstance(event, ActionReturned):
            self.status, self.reported_at, self.reported_by = ActionStatus.OPEN, None, None
        elif isinstance(event, ActionVerified):
            self.status, self.verified_at, self.in_time = ActionStatus.VERIFIED, event.occurred_at, event.in_time
        elif isinstance(event, ActionWithdrawn):
            self.status = ActionStatus.WITHDRAWN
        elif isinstance(event, ActionReopened):
            self._reopen(event)
        else:
            self._change(event)

    def _raise(self, event: ActionRaised) -> None:
        self.child_id, self.programme_id, self.theme_id = event.child_id, event.programme_id, event.theme_id
        self.auditor_id, self.owner_id, self.team_id = event.auditor_id, event.owner_id, event.team_id
        self.domain, self.severity = event.domain, event.severity
        self.raised_at, self.first_due_at = event.occurred_at, event.due_at
        self.due_on, self.due_at = event.due_on, event.due_at

    def _reopen(self, event: ActionReopened) -> None:
        self.status, self.due_on, self.due_at = ActionStatus.OPEN, event.due_on, event.due_at
        self.reported_at, self.reported_by, self.verified_at, self.in_time = None, None, None, None

    def _change(self, event: Event) -> None:
        if isinstance(event, ActionChanged):
            self.domain, self.severity = event.domain, event.severity
        elif isinstance(event, ActionReassigned):
            self.owner_id, self.team_id = event.owner_id, event.team_id
            self.reassignments += 1
        elif isinstance(event, ActionExtended):
            self.due_on, self.due_at = event.due_on, event.due_at
            self.extensions += 1
        elif isinstance(event, ActionEscalated):
            self.escalated_step, self.escalated_to, self.escalation_acknowledged = event.step, event.to, False
        elif isinstance(event, EscalationAcknowledged):
            self.escalation_acknowledged = True
        elif isinstance(event, ActionChased):
            self.chased += 1
        elif isinstance(event, VerificationChecked):
            self.check_upheld = event.upheld

    def fact(self) -> ActionFact | None:
        """The action as figures see it; none where its raising never came."""
        if self.programme_id is None or self.raised_at is None or self.first_due_at is None or self.due_at is None:
            return None
        return ActionFact(
            action_id=self.action_id,
            audit_id=self.audit_id,
            programme_id=self.programme_id,
            theme_id=self.theme_id,
            team_id=self.team_id,
            owner_id=self.owner_id,
            status=self.status,
            severity=self.severity,
            raised_at=self.raised_at,
            first_due_at=self.first_due_at,
            due_at=self.due_at,
            reported_at=self.reported_at,
            verified_at=self.verified_at,
            in_time=self.in_time,
            check_upheld=self.check_upheld,
            extensions=self.extensions,
            reassignments=self.reassignments,
        )


class Loop(Projection, table=True):
    """The loop of one audit, once every action of it is verified."""

    audit_id: UUID = Field(primary_key=True)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    before: str | None = None
    after: str | None = None
    working_days: int = 0
    actions: int = 0
    did_not_hold: bool = False

    def _take(self, event: Event) -> None:
        if isinstance(event, LoopClosed):
            self.closed_at = event.occurred_at
            self.before, self.after = event.before, event.after
            self.working_days, self.actions = event.working_days, event.actions
        elif isinstance(event, LoopReopened) and event.because in ASKED_AGAIN:
            self.closed_at = None
        elif isinstance(event, LoopReopened):
            self.did_not_hold = True

    def fact(self) -> LoopFact | None:
        """The loop as figures see it; none while it is open."""
        if self.closed_at is None:
            return None
        return LoopFact(self.audit_id, self.closed_at, self.working_days, self.did_not_hold)


class Concern(Projection, table=True):
    """A child who may be unsafe now: told at once, open until the record says what made the child safe."""

    concern_id: UUID = Field(primary_key=True)
    audit_id: UUID = Field(index=True)
    child_id: UUID | None = None
    raised_by: str | None = None
    recipients: list[str] = Field(default_factory=list, sa_type=JSONB)
    raised_at: datetime | None = Field(default=None, sa_type=Instant)
    acknowledge_by: datetime | None = Field(default=None, sa_type=Instant)
    acknowledged_at: datetime | None = Field(default=None, sa_type=Instant)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)

    def _take(self, event: Event) -> None:
        if isinstance(event, ConcernEscalated):
            self.child_id, self.raised_by, self.recipients = event.child_id, event.raised_by, list(event.recipients)
            self.raised_at, self.acknowledge_by = event.occurred_at, event.acknowledge_by
        elif isinstance(event, ConcernAcknowledged):
            self.acknowledged_at = event.occurred_at
        elif isinstance(event, ConcernClosed):
            self.closed_at = event.occurred_at

    def fact(self) -> ConcernFact | None:
        """The concern as figures see it; none where its raising never came."""
        if self.raised_at is None or self.acknowledge_by is None:
            return None
        return ConcernFact(self.concern_id, self.raised_at, self.acknowledge_by, self.acknowledged_at, self.closed_at)


class Feed(Projection, table=True):
    """A sender: what came of what it sent, and whether it is silent or has ended.

    Sums, so the inbox is what makes them right.
    """

    sender: str = Field(primary_key=True)
    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0
    last_heard_at: datetime | None = Field(default=None, sa_type=Instant)
    silent: bool = False
    ended: bool = False
    unmatched_workers: int = 0
    unmatched_teams: int = 0

    def fold(self, event: Event) -> None:
        """Sums take every file in, whatever came after it; the rest is as the newest version says."""
        if isinstance(event, FeedReceived):
            self.accepted += event.accepted
            self.duplicate += event.duplicate
            self.quarantined += event.quarantined
            self.last_heard_at = max(filter(None, (self.last_heard_at, event.occurred_at)))
        super().fold(event)

    def _take(self, event: Event) -> None:
        if isinstance(event, WorkersUnmatched):
            self.unmatched_workers, self.unmatched_teams = event.workers, event.teams
            return
        self.silent, self.ended = isinstance(event, FeedFellSilent), isinstance(event, FeedEnded)
        if isinstance(event, FeedFellSilent) and self.last_heard_at is None:
            self.last_heard_at = event.last_heard_at


class SupportSession(Projection, table=True):
    """A support session: when, who leads it, who is there. What is said in it never comes here."""

    __tablename__: ClassVar[str] = "support_session"
    __table_args__ = (sa.Index("ix_support_session_starts_at", "state", "starts_at"),)

    session_id: UUID = Field(primary_key=True)
    kind: str = ""
    state: str = SessionStatus.PLANNED
    leader_id: str | None = None
    attendees: list[str] = Field(default_factory=list, sa_type=JSONB)
    managers: list[str] = Field(default_factory=list, sa_type=JSONB)
    starts_at: datetime | None = Field(default=None, sa_type=Instant)
    minutes: int = 0

    def _take(self, event: Event) -> None:
        if isinstance(event, SessionState):
            self.kind, self.leader_id = event.kind, event.leader_id
            self.attendees, self.managers = list(event.attendees), list(event.managers)
            self.starts_at, self.minutes = event.starts_at, event.minutes
            self.state = SessionStatus.HELD if isinstance(event, SessionHeld) else SessionStatus.PLANNED
        elif isinstance(event, SessionCancelled):
            self.state = SessionStatus.CANCELLED


class Pattern(Table, table=True):
    """The same domain found again and again in one team: it happened, and nothing of it changes."""

    pattern_id: UUID = Field(primary_key=True)
    team_id: str
    domain: str
    actions: int
    since: date
    detected_at: datetime = Field(sa_type=Instant, index=True)


class Report(Table, table=True):
    """One edition of a month's report to the board. Once published, nothing of it changes: a correction is the next."""

    report_id: UUID = Field(primary_key=True)
    edition: int = Field(primary_key=True)
    programme_id: UUID
    month: date
    stage: str = Stage.DRAFT
    words: dict[str, str] = Field(default_factory=dict, sa_type=JSONB)
    figures: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    correction: str | None = None
    """Why there is another edition."""
    drafted_by: str
    drafted_at: datetime = Field(sa_type=Instant)
    published_by: str | None = None
    published_at: datetime | None = Field(default=None, sa_type=Instant)

    def publish(self, by: str, at: datetime, figures: FrozenFigures) -> BoardReportPublished:
        """Freeze the figures and say so."""
        self.stage, self.published_by, self.published_at = Stage.PUBLISHED, by, at
        self.figures = FROZEN.dump_python(figures, mode="json")
        return BoardReportPublished(
            occurred_at=at,
            version=self.edition,
            report_id=self.report_id,
            programme_id=self.programme_id,
            month=self.month,
            edition=self.edition,
            published_by=by,
        )


FoldedEvent = (
    ProgrammeEvent
    | ThemeWeekOpened
    | DrawsDecided
    | ThemeWeekClosed
    | AuditEvent
    | ActionEvent
    | LoopEvent
    | FeedEvent
    | SupportSessionEvent
)


def row_for(event: FoldedEvent) -> Projection:
    """The empty row that this event folds into, where none is there yet."""
    row: Projection
    match event:
        case ConcernEscalated() | ConcernAcknowledged() | ConcernClosed():
            row = Concern(concern_id=event.concern_id, audit_id=event.audit_id)
        case AuditEvent():
            row = Audit(audit_id=event.audit_id)
        case ActionEvent():
            row = Action(action_id=event.action_id, audit_id=event.audit_id)
        case LoopEvent():
            row = Loop(audit_id=event.audit_id)
        case ProgrammeEvent():
            row = Programme(programme_id=event.programme_id)
        case FeedEvent():
            row = Feed(sender=event.sender)
        case SupportSessionEvent():
            row = SupportSession(session_id=event.session_id)
        case ThemeWeekOpened() | DrawsDecided() | ThemeWeekClosed():
            row = ThemeWeek(programme_id=event.programme_id, theme_id=event.theme_id, week=event.week)
    return row


def key_columns(table: type[Projection]) -> list[str]:
    """The names of a table's primary key, in order."""
    return [column.name for column in sa.inspect(table).primary_key]


def key_of(row: Projection) -> tuple[object, ...]:
    """The primary key of a row, stored or not."""
    return tuple(getattr(row, name) for name in key_columns(type(row)))
