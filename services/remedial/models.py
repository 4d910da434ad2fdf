"""Remedial's tables: loops, their actions and the steps these took; copies of programmes, texts and case links."""

from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from services.remedial.domain.life import OPEN, TO_DO, State
from services.remedial.domain.loop import Standing
from services.remedial.domain.oversight import Concerned


class Table(SQLModel, registry=registry()):
    """The base of remedial's tables; its metadata is its own, so that four services fit in one process."""


INSTANT = sa.DateTime(timezone=True)


class Loop(Table, table=True):
    """One audit whose findings ask for something, and whether all of it is done.

    The row is the aggregate: whoever changes one of its actions locks it first and bumps `version`, which orders the
    events of the audit on their topic.
    """

    __tablename__: ClassVar[str] = "loop"

    audit_id: UUID = Field(primary_key=True)
    version: int = 0
    audit_version: int = 0
    assessment_id: UUID
    child_id: UUID
    programme_id: UUID
    theme_id: str
    kind: str
    auditor_id: str
    team_id: str | None = None
    worker_id: str | None = None
    authorised_by: str | None = None
    authorised_on: date
    grade: str
    rag: str
    strengths: int = 0
    completed_at: datetime = Field(sa_type=INSTANT)
    standing: str = Standing.EMPTY
    closed_at: datetime | None = Field(default=None, sa_type=INSTANT)
    grade_after: str | None = None
    held_days: int = 0
    """The longest window after the closing of which it was said that the loop held."""
    came_back: bool = False

    def bumped(self) -> int:
        """The next version: of the event about to be told."""
        self.version += 1
        return self.version


class Action(Table, table=True):
    """One remedial action: who, what about, by when, and where it stands."""

    __tablename__: ClassVar[str] = "action"

    action_id: UUID = Field(primary_key=True)
    audit_id: UUID
    finding_id: UUID
    child_id: UUID
    programme_id: UUID
    theme_id: str
    auditor_id: str
    worker_id: str | None = None
    authorised_by: str | None = None
    owner_id: str | None = None
    owner_because: str
    named_owner: str | None = None
    team_id: str | None = None
    domain: str
    severity: str
    level: str
    rag: str
    state: str = State.RAISED
    raised_at: datetime = Field(sa_type=INSTANT)
    due_on: date
    due_at: datetime = Field(sa_type=INSTANT)
    first_due_on: date
    first_due_at: datetime = Field(sa_type=INSTANT)
    working_days: int
    due_rule: str
    extensions: int = 0
    reassignments: int = 0
    returns: int = 0
    chases: int = 0
    reported_by: str | None = None
    reported_at: datetime | None = Field(default=None, sa_type=INSTANT)
    verified_by: str | None = None
    verified_at: datetime | None = Field(default=None, sa_type=INSTANT)
    in_time: bool | None = None
    watched_from: date
    """Overdue is counted from here: the due date, or the day on which it changed hands after that."""
    escalated_step: int = 0
    escalated_to: str | None = None
    escalated_at: datetime | None = Field(default=None, sa_type=INSTANT)
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = Field(default=None, sa_type=INSTANT)
    check_drawn_at: datetime | None = Field(default=None, sa_type=INSTANT)
    checked_by: str | None = None
    checked_at: datetime | None = Field(default=None, sa_type=INSTANT)
    check_upheld: bool | None = None
    alone_because: str | None = None
    """Why another's action, which was meant to, does not answer its finding."""

    def watch_from(self, day: date) -> None:
        """The watching begins anew: what was escalated is settled."""
        self.watched_from = day
        self.escalated_step = 0
        self.escalated_to = self.escalated_at = self.acknowledged_by = self.acknowledged_at = None

    @property
    def state_now(self) -> State:
        """The state as the table of life knows it."""
        return State(self.state)

    @property
    def is_open(self) -> bool:
        """Whether the loop waits for it."""
        return self.state in OPEN

    @property
    def is_to_do(self) -> bool:
        """Whether its owner has something to do."""
        return self.state in TO_DO

    def concerned(
        self, service: str | None, moderators: frozenset[str], whose_too: frozenset[str] = frozenset()
    ) -> Concerned:
        """Whom it concerns, for the rules of who may do what."""
        return Concerned(
            owner_id=self.owner_id,
            team_id=self.team_id,
            service=service,
            auditor_id=self.auditor_id,
            moderators=moderators,
            worker_id=self.worker_id,
            authorised_by=self.authorised_by,
            reported_by=self.reported_by,
            domain=self.domain,
            verified_by=self.verified_by,
            check_waits=self.check_drawn_at is not None and self.checked_at is None,
            escalated=self.escalated_at is not None and self.acknowledged_at is None,
            whose_too=whose_too,
        )


class Join(StrEnum):
    """What became of a finding that another's action was meant to answer."""

    WAITING = "waiting"
    """That action is not known yet."""
    JOINED = "joined"
    ALONE = "alone"
    """It got an action of its own."""


class Joined(Table, table=True):
    """A finding that the action of another is meant to answer, of the same audit or of another; belongs to its loop.

    `action_state` is that action's state when the loop was last settled, `days` how many days it has waited.
    """

    __tablename__: ClassVar[str] = "joined"

    finding_id: UUID = Field(primary_key=True)
    audit_id: UUID
    acts_with: UUID
    action_id: UUID
    action_audit_id: UUID | None = None
    action_state: str | None = None
    join: str
    because: str | None = None
    named_owner: str | None = None
    domain: str
    severity: str
    level: str
    days: int = 0


class Unsettled(Table, table=True):
    """A loop that is to be settled, since an action that answers a finding of it moved; many for one loop are one."""

    __tablename__: ClassVar[str] = "unsettled"

    unsettled_id: int | None = Field(default=None, primary_key=True)
    audit_id: UUID
    at: datetime = Field(sa_type=INSTANT)


class Step(Table, table=True):
    """One thing that happened to an action: the timeline of its page. Words stand in `text` under `text_id`."""

    __tablename__: ClassVar[str] = "step"

    step_id: int | None = Field(default=None, primary_key=True)
    action_id: UUID
    move: str
    at: datetime = Field(sa_type=INSTANT)
    by: str | None = None
    state: str
    text_id: UUID | None = None
    owner_id: str | None = None
    due_on: date | None = None


class Text(Table, table=True):
    """Words about a finding, a report or a reason: a copy of the compacted topic, where a tombstone erases them."""

    __tablename__: ClassVar[str] = "text"

    text_id: UUID = Field(primary_key=True)
    about: UUID | None = None
    version: int
    parts: dict[str, str] = Field(default_factory=dict, sa_type=JSONB)
    erased: bool = False


class Attachment(Table, table=True):
    """A file that stands as an action's evidence. Removed or erased, only that there was one is left."""

    __tablename__: ClassVar[str] = "attachment"

    attachment_id: UUID = Field(primary_key=True)
    action_id: UUID
    name: str
    """As its owner's disk called it, made safe; it may name people, so it goes with the content."""
    kind: str
    size: int
    digest: bytes | None
    """SHA-256 of the content, by which a second press of the button is known; none once the content is gone."""
    scanned: bool
    attached_by: str
    attached_at: datetime = Field(sa_type=INSTANT)
    gone_by: str | None = None
    gone_at: datetime | None = Field(default=None, sa_type=INSTANT)


class AttachmentPiece(Table, table=True):
    """A part of a file's content, small enough that no file is ever whole in memory."""

    __tablename__: ClassVar[str] = "attachment_piece"

    attachment_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    content: bytes


class CaseLink(Table, table=True):
    """The case system's id of a child's pseudonym, for the link into the case."""

    __tablename__: ClassVar[str] = "case_link"

    child_id: UUID = Field(primary_key=True)
    version: int
    case_id: str


class Programme(Table, table=True):
    """What remedial needs of a programme: its name, its themes and scale, and how long an action gets."""

    __tablename__: ClassVar[str] = "programme"

    programme_id: UUID = Field(primary_key=True)
    version: int
    name: str
    themes: dict[str, str] = Field(default_factory=dict, sa_type=JSONB)
    scale: list[dict[str, str | int]] = Field(default_factory=list, sa_type=JSONB)
    action_working_days: int
    red_action_working_days: int | None = None


class Moderated(Table, table=True):
    """Who moderated an audit, and so sees and may verify its actions."""

    __tablename__: ClassVar[str] = "moderated"

    audit_id: UUID = Field(primary_key=True)
    moderator_id: str = Field(primary_key=True)


class Holiday(Table, table=True):
    """A day off that was proclaimed after the calendar of bank holidays was written. Deadlines already set stand."""

    __tablename__: ClassVar[str] = "holiday"

    day: date = Field(primary_key=True)
    name: str


class Leave(Table, table=True):
    """When somebody is away. Why they are is not kept."""

    __tablename__: ClassVar[str] = "leave"

    leave_id: UUID = Field(primary_key=True)
    person_id: str
    first_on: date
    last_on: date
    recorded_by: str
    recorded_at: datetime = Field(sa_type=INSTANT)


class Notice(Table, table=True):
    """One thing that one person should hear about, once. It goes out in a message, alone or with others."""

    __tablename__: ClassVar[str] = "notice"

    notice_id: UUID = Field(primary_key=True)
    person_id: str
    kind: str
    about: UUID
    occasion: str = ""
    path: str
    made_at: datetime = Field(sa_type=INSTANT)
    send_after: datetime = Field(sa_type=INSTANT)
    message_id: UUID | None = None
    dropped: bool = False


class Message(Table, table=True):
    """One mail to one person: ids and links only, and what became of it."""

    __tablename__: ClassVar[str] = "message"

    message_id: UUID = Field(primary_key=True)
    person_id: str
    state: str
    made_at: datetime = Field(sa_type=INSTANT)
    next_at: datetime = Field(sa_type=INSTANT)
    attempts: int = 0
    channel: str | None = None
    failure: str | None = None
    sent_at: datetime | None = Field(default=None, sa_type=INSTANT)


class Pattern(Table, table=True):
    """The same domain again and again in one team."""

    __tablename__: ClassVar[str] = "pattern"

    pattern_id: UUID = Field(primary_key=True)
    team_id: str
    domain: str
    since: date
    detected_at: datetime = Field(sa_type=INSTANT)
    actions: int


class Strength(Table, table=True):
    """Something that somebody did well."""

    __tablename__: ClassVar[str] = "strength"

    strength_id: UUID = Field(primary_key=True)
    audit_id: UUID
    worker_id: str | None = None
    team_id: str | None = None
    domain: str
    recognised_at: datetime = Field(sa_type=INSTANT)


class SupportSession(Table, table=True):
    """A coaching, a mentoring, a reflective meeting, a workshop, a shadowed or joint audit."""

    __tablename__: ClassVar[str] = "support_session"

    session_id: UUID = Field(primary_key=True)
    version: int = 1
    kind: str
    state: str
    leader_id: str
    planned_by: str
    team_id: str | None = None
    attendees: list[str] = Field(default_factory=list, sa_type=ARRAY(sa.Text))
    managers: list[str] = Field(default_factory=list, sa_type=ARRAY(sa.Text))
    starts_at: datetime = Field(sa_type=INSTANT)
    minutes: int
    domains: list[str] = Field(default_factory=list, sa_type=ARRAY(sa.Text))
    themes: list[str] = Field(default_factory=list, sa_type=ARRAY(sa.Text))
    actions: list[UUID] = Field(default_factory=list, sa_type=ARRAY(sa.Uuid))
    pattern_id: UUID | None = None
    shared: bool = False
    settled_at: datetime | None = Field(default=None, sa_type=INSTANT)
