"""What the audit service owns: programmes, their draws, audits. No schema name: the role's search_path gives it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

REGISTRY = registry()


class Table(SQLModel, registry=REGISTRY):
    """The base of this service's tables; its metadata is its own, so four services fit in one process."""


METADATA = Table.metadata


class ProgrammeState(StrEnum):
    """Where a programme stands."""

    OPEN = "open"
    CLOSED = "closed"


class ProgrammeRow(Table, table=True):
    """A programme in its newest version. `body` is the programme as JSON, `seed` the secret of its draw."""

    __tablename__ = "programme"

    programme_id: UUID = Field(primary_key=True)
    version: int
    name: str
    opens_on: date
    closes_on: date
    state: str = ProgrammeState.OPEN
    body: str
    digest: str | None = Field(default=None, sa_column=sa.Column(sa.Text, sa.Computed("md5(body)"), nullable=False))
    """Names the body, so that it is read only where it is not known yet."""
    seed: bytes
    day: date
    """The last day that this programme has seen open."""


class ProgrammeVersion(Table, table=True):
    """Every version that was ever in force, as it was written, with who brought it and why."""

    __tablename__ = "programme_version"

    programme_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    source: str
    reason: str | None = None
    opened_by: str
    opened_at: datetime = Field(sa_type=sa.DateTime(timezone=True))


class ThemeRow(Table, table=True):
    """A theme's counter over all weeks. Its row is the lock under which cases are drawn."""

    __tablename__ = "theme"

    programme_id: UUID = Field(primary_key=True)
    theme_id: str = Field(primary_key=True)
    position: int
    name: str
    target: int
    done: int = 0
    version: int = 0


class ThemeWeekRow(Table, table=True):
    """One week of a theme: what it wants, at which threshold, and what came. The target in force holds for the week."""

    __tablename__ = "theme_week"

    programme_id: UUID = Field(primary_key=True)
    theme_id: str = Field(primary_key=True)
    week: int = Field(primary_key=True)
    opens_on: date
    target: int
    may_pass: bool
    want: int
    threshold: float
    expected: float
    arrivals: int = 0
    drawn: int = 0
    sequence: int = 0
    capped: bool = False
    closed: bool = False


class DecisionRow(Table, table=True):
    """What became of one assessment in one programme: one narrow row for each that ever came.

    Without a theme it was no candidate and `reason` says why. `facts` (the event) is kept for candidates only, so that
    a case that fills or replaces can be laid before an auditor.
    """

    __tablename__ = "decision"

    assessment_id: UUID = Field(primary_key=True)
    programme_id: UUID = Field(primary_key=True)
    version: int
    child_id: UUID
    decided_on: date
    reason: str | None = None
    theme_id: str | None = None
    week: int | None = None
    sequence: int | None = None
    unit: UUID | None = None
    priority: float | None = None
    outcome: str | None = None
    facts: str | None = None


class DrawLog(Table, table=True):
    """Every draw event as published, in order for each theme: what `verify` replays."""

    __tablename__ = "draw_log"

    programme_id: UUID = Field(primary_key=True)
    theme_id: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    type: str
    body: str


class AuditState(StrEnum):
    """Where an audit stands."""

    WAITING = "waiting"
    ALLOCATED = "allocated"
    CHECKING = "checking"
    COMPLETED = "completed"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


OPEN_STATES = (AuditState.WAITING, AuditState.ALLOCATED, AuditState.CHECKING)
"""Somebody still has to do something."""


class Flag(StrEnum):
    """What happened upstream to the case of an audit."""

    INELIGIBLE = "ineligible"
    WITHDRAWN = "withdrawn"


class Audit(Table, table=True):
    """One audit of one case, from the draw to the last amendment.

    `facts` is the assessment as last recorded. `form` is the draft until completion and the audit after it. `saved`
    counts its saves and `saved_tab` names the page that made the last one, so that an older tab's save is refused.
    """

    __tablename__ = "audit"

    audit_id: UUID = Field(primary_key=True)
    version: int = 0
    assessment_id: UUID
    child_id: UUID
    programme_id: UUID
    theme_id: str
    week: int
    kind: str
    priority: float
    threshold: float
    outcome: str
    by_hand: bool = False
    sampled_on: date
    authorised_on: date
    team_id: str | None = None
    worker_id: str | None = None
    authorised_by: str | None = None
    family_key: str | None = None
    facts: str
    state: str = AuditState.WAITING
    flag: str | None = None
    auditor_id: str | None = None
    due_on: date | None = None
    form: str = "{}"
    saved: int = 0
    saved_tab: str = ""
    saved_at: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))
    grade: str | None = None
    rag: str | None = None
    completed_at: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))
    completed_on: date | None = None
    chosen_by: str | None = None
    chosen_because: str | None = None
    comment_by: date | None = None
    """Until when the practitioner may say whether the facts are right; silence does not block."""
    comment: str | None = None
    commented_at: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))
    re_audit_of: UUID | None = None
    """The audit whose case is looked at again, after its loop has closed."""
    audited_by: list[str] = Field(default_factory=list, sa_type=ARRAY(sa.Text))
    """Who audited this work before, and so does not audit it again."""


class Amendment(Table, table=True):
    """What an audit said before it was amended, and why it was."""

    __tablename__ = "amendment"

    amendment_id: UUID = Field(primary_key=True)
    audit_id: UUID
    version: int
    form: str
    grade: str
    reason: str
    amended_by: str
    amended_at: datetime = Field(sa_type=sa.DateTime(timezone=True))


class HandOver(Table, table=True):
    """Who held a case before, and why they let go of it."""

    __tablename__ = "hand_over"

    audit_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True)
    auditor_id: str
    to_auditor_id: str | None = None
    reason: str
    at: datetime = Field(sa_type=sa.DateTime(timezone=True))


class ChildLink(Table, table=True):
    """The case system's opaque id of a child, for the deep link. Erased with it."""

    __tablename__ = "child_link"

    child_id: UUID = Field(primary_key=True)
    case_id: str
    version: int


class Concern(Table, table=True):
    """A child may be unsafe now. Open until what made the child safe is recorded; an acknowledgement closes nothing.

    `recipients` grows with each step of the escalation; `implicated` are never among them.
    """

    __tablename__ = "concern"

    concern_id: UUID = Field(primary_key=True)
    audit_id: UUID
    child_id: UUID
    raised_by: str
    raised_at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    worry: str
    telephoned: str
    """Whom, and when: the telephone comes first."""
    implicated: list[str] = Field(sa_type=ARRAY(sa.Text))
    recipients: list[str] = Field(sa_type=ARRAY(sa.Text))
    lado: bool = False
    step: int = 0
    acknowledge_by: datetime = Field(sa_type=sa.DateTime(timezone=True))
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))
    closed_by: str | None = None
    closed_at: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))
    made_safe: str | None = None


class Challenge(Table, table=True):
    """A practitioner or manager says that a finding is wrong; the answer stands beside it."""

    __tablename__ = "challenge"

    challenge_id: UUID = Field(primary_key=True)
    audit_id: UUID
    finding_id: UUID
    raised_by: str
    raised_at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    words: str
    upheld: bool | None = None
    answer: str | None = None
    answered_by: str | None = None
    answered_at: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))


class StaffLeave(Table, table=True):
    """When somebody who could own an action is away, as remedial says: a projection, gone once it is over."""

    __tablename__ = "staff_leave"

    leave_id: UUID = Field(primary_key=True)
    person_id: str
    first_on: date
    last_on: date


class SiblingAnswer(Table, table=True):
    """What an auditor last said of two cases, the smaller id first: whether their children are siblings."""

    __tablename__ = "sibling_answer"

    audit_id: UUID = Field(primary_key=True)
    other_id: UUID = Field(primary_key=True)
    siblings: bool
    answered_by: str
    answered_at: datetime = Field(sa_type=sa.DateTime(timezone=True))


class Readiness(Table, table=True):
    """An item of a programme's mobilisation checklist that somebody has ticked."""

    __tablename__ = "readiness"

    programme_id: UUID = Field(primary_key=True)
    item: str = Field(primary_key=True)
    ticked_by: str
    ticked_at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    note: str = ""


class Loop(Table, table=True):
    """Where the loop of one audit stands, as remedial says: a projection, beside the grade and never in its place."""

    __tablename__ = "loop"

    audit_id: UUID = Field(primary_key=True)
    version: int
    standing: str
    actions: int = 0
    waiting: int = 0
    """Actions reported done that wait to be verified."""
    verified: int = 0
    joined: int = 0
    """Findings that an action of another audit answers: the loop waits for it too."""


class OpenCase(Table, table=True):
    """A plan, a placement or a case of one child as intake last said it: the frame that some programmes sample.

    `said_worker_id` and `said_team_id` are who holds it by the sender's word. Where nothing is said, it is whoever did
    the child's last finished work: `worker_id` and `team_id`.
    """

    __tablename__ = "frame"

    episode_id: UUID = Field(primary_key=True)
    version: int
    child_id: UUID
    kind: str
    started_on: date
    ended_on: date | None = None
    category_of_abuse: str | None = None
    worker_id: str | None = None
    team_id: str | None = None
    said_worker_id: str | None = None
    said_team_id: str | None = None


class OwnedAction(Table, table=True):
    """Who has an action in hand, as remedial says, what it is about and whether it is still open: a projection.

    What it is about is not there for one that was raised before that was kept.
    """

    __tablename__ = "owned_action"

    action_id: UUID = Field(primary_key=True)
    owner_id: str | None = None
    open: bool = True
    reported: bool = False
    audit_id: UUID | None = None
    finding_id: UUID | None = None
    team_id: str | None = None
    domain: str | None = None
    due_on: date | None = None
