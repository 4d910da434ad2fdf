"""Every event: the only vocabulary that services share.

An event is a fact in the field's words, named noun + past participle. It travels as a CloudEvent in Kafka's binary
mode: identity, type, time and subject in headers, the fields below as the JSON body. Nothing here may ever need
erasing: codes, dates, staff ids and a pseudonym of the child, never a name of a child nor free text (those travel on
the compacted topics of texts and children, where a tombstone erases them).

Within a version changes only add. Coded fields are open strings for whoever reads; the enumerations name what Caseloop
itself writes.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, ClassVar, Self, dataclass_transform
from uuid import UUID

import msgspec
from msgspec import Meta


class Topic(StrEnum):
    """The topics; one for each aggregate. `deploy/topics.yaml` declares the same names."""

    CMS_ASSESSMENTS = "cms.assessments.v1"
    ASSESSMENTS = "caseloop.assessments.v1"
    PEOPLE = "caseloop.people.v1"
    CHILDREN = "caseloop.children.v1"
    FEEDS = "caseloop.feeds.v1"
    PROGRAMMES = "caseloop.programmes.v1"
    AUDITS = "caseloop.audits.v1"
    DRAWS = "caseloop.draws.v1"
    TEXTS = "caseloop.texts.v1"
    ACTIONS = "caseloop.actions.v1"
    SESSIONS = "caseloop.sessions.v1"
    REPORTS = "caseloop.reports.v1"
    LOCAL = "local"
    """Not a Kafka topic: events that a service's own ticker makes and its own inbox takes."""


Instant = Annotated[datetime, Meta(tz=True)]
"""A moment, with its time zone."""

Council = Annotated[str, Meta(pattern=r"^\d{3}$")]
"""The DfE's three-digit code."""

SenderId = Annotated[str, Meta(min_length=1, max_length=64)]
"""What a sender calls something."""

Named = Annotated[str, Meta(max_length=64)]
"""A name or a code of a sender's own."""

SourceCode = Annotated[str, Meta(max_length=16)]
CategoryCode = Annotated[str, Meta(max_length=8)]


class _FactType(msgspec.StructMeta):
    """Has every fact built by name, and its defaults written: whoever reads a body need not know them.

    msgspec leaves out what is a field's default, which for none is wanted, unless the default is made afresh each time.
    """

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **settings: Any) -> _FactType:
        for field, kind in namespace.get("__annotations__", {}).items():
            if namespace.get(field) is not None and not kind.startswith("ClassVar"):
                namespace[field] = msgspec.field(default_factory=partial(_same, namespace[field]))
        return super().__new__(mcs, name, bases, namespace, kw_only=True, **settings)


def _same(value: object) -> object:
    return value


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Fact(msgspec.Struct, metaclass=_FactType, frozen=True, omit_defaults=True, gc=False):
    """A part of an event's body: frozen, blind to fields it does not know.

    Reading one checks its fields; building one does not, that is for mypy and for whoever takes in what it is made of.
    """

    def json(self) -> bytes:
        """As it travels and is kept: fields in their order, without those that are none."""
        return msgspec.json.encode(self)

    @classmethod
    def read(cls, written: bytes | str) -> Self:
        """What `json` wrote. msgspec.DecodeError (a ValueError) where it is none or breaks a constraint."""
        return msgspec.json.decode(written, type=cls)


class Event(Fact):
    """A fact that happened at `occurred_at` to the aggregate named by `key`, which it brought to `version`."""

    topic: ClassVar[Topic]
    tombstone: ClassVar[bool] = False
    """True for an erasure: it is written with an empty body, and compaction removes what came before it."""

    occurred_at: Instant
    version: Annotated[int, Meta(ge=1)] = 1

    @property
    def key(self) -> str:
        """What Kafka orders by. An opaque id, never personal data."""
        raise NotImplementedError

    @property
    def body(self) -> bytes | None:
        """The JSON that travels; none for an erasure, so that compaction removes what came before it."""
        return None if self.tombstone else self.json()

    @classmethod
    def type(cls) -> str:
        """The `ce_type` header: the name of the class."""
        return cls.__name__


# --- what a case management system publishes -------------------------------------------------------------------------


class Kind(StrEnum):
    """What finished work a record is about. An assessment is not an audit; a contact is not a referral."""

    ASSESSMENT = "assessment"
    CONTACT = "contact"
    REFERRAL = "referral"
    ENQUIRY = "enquiry"


class EpisodeKind(StrEnum):
    """What stands around the work on a child: context, and the frame of what is open at a date."""

    CASE = "case"
    CHILD_IN_NEED = "child_in_need"
    CHILD_PROTECTION = "child_protection"
    LOOKED_AFTER = "looked_after"
    PLACEMENT = "placement"


class CmsEvent(Event):
    """One record of a case management system, under that system's own opaque ids.

    `council` is the DfE's three-digit code; another council's record is refused. `child` never is a name, a UPN or an
    NHS number. `family` is opaque and optional: siblings assessed together are drawn together.
    """

    topic = Topic.CMS_ASSESSMENTS

    council: Council
    id: SenderId
    child: SenderId
    family: Named | None = None
    worker: Named | None = None
    team: Named | None = None

    @property
    def key(self) -> str:
        return self.child


class CmsAssessmentAuthorised(CmsEvent):
    """A child and family assessment was authorised (the manager's sign-off)."""

    started_on: date
    authorised_on: date
    authorised_at: Instant | None = None
    authorised_by: Named | None = None
    referred_on: date | None = None
    factors: Annotated[tuple[str, ...], Meta(max_length=64)] = ()
    category_of_abuse: CategoryCode | None = None
    child_seen: bool | None = None
    outcome: Named | None = None


class CmsReferralDecided(CmsEvent):
    """The front door decided a referral, with or without further action."""

    referred_on: date
    decided_on: date
    decided_at: Instant | None = None
    decided_by: Named | None = None
    source: SourceCode | None = None
    no_further_action: bool | None = None


class CmsContactDecided(CmsEvent):
    """The front door decided what a contact leads to."""

    contacted_on: date
    decided_on: date
    decided_at: Instant | None = None
    decided_by: Named | None = None
    source: SourceCode | None = None
    outcome: Named | None = None


class CmsEnquiryEnded(CmsEvent):
    """A section 47 enquiry reached its outcome."""

    started_on: date
    ended_on: date
    ended_at: Instant | None = None
    authorised_by: Named | None = None
    referred_on: date | None = None
    conference_required: bool | None = None
    conference_on: date | None = None
    category_of_abuse: CategoryCode | None = None
    outcome: Named | None = None


class CmsEnquiryStarted(CmsEvent):
    """A section 47 enquiry began. It is never drawn at its start: auditing unfinished work may interfere."""

    started_on: date
    referred_on: date | None = None


class CmsEpisodeRecorded(CmsEvent):
    """A plan, a placement or an open case started, moved or ended; `kind` is one of `EpisodeKind`."""

    kind: str
    started_on: date
    ended_on: date | None = None
    category_of_abuse: CategoryCode | None = None


class CmsRecordPurged(CmsEvent):
    """The sender asks that a record be deleted: `kind` is one of `Kind`."""

    kind: str


# --- intake: what arrived, and who the people are --------------------------------------------------------------------


class AssessmentEvent(Event):
    """About one piece of finished work on one child."""

    topic = Topic.ASSESSMENTS

    assessment_id: UUID
    child_id: UUID
    council: str

    @property
    def key(self) -> str:
        return str(self.child_id)


class AssessmentRecorded(AssessmentEvent):
    """Intake holds this finished work, new or changed; a later version replaces an earlier one whole.

    `authorised_on` is the date of the event that finished the work: authorisation (assessment), decision (referral,
    contact), outcome (enquiry). Dates are Europe/London. `worker_id`, `team_id` and `authorised_by` are as the sender
    or the staff directory gave them; `unmatched` names those of them that the directory does not know. `earlier_*`
    count the 12 months before `started_on`, without this one. `changed` names the fields that changed after
    authorisation, so that an auditor can see what stood then.
    """

    kind: str
    started_on: date
    authorised_on: date
    authorised_at: Instant | None = None
    referred_on: date | None = None
    worker_id: str | None = None
    team_id: str | None = None
    authorised_by: str | None = None
    unmatched: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    category_of_abuse: str | None = None
    child_seen: bool | None = None
    no_further_action: bool | None = None
    conference_on: date | None = None
    outcome: str | None = None
    earlier_enquiries: int = 0
    earlier_referrals: int = 0
    working_days: int | None = None
    age_band: str | None = None
    family_key: str | None = None
    source: str
    decided: bool = True
    """False for a contact of which only the date is known: counted, never drawn."""
    changed: tuple[str, ...] = ()


class AssessmentWithdrawn(AssessmentEvent):
    """The sender purged it. An audit already made is kept, flagged, without its text."""

    kind: str


class EpisodeEvent(Event):
    """About a plan, a placement or an open case of one child; in order with the child's finished work."""

    topic = Topic.ASSESSMENTS

    episode_id: UUID
    child_id: UUID
    council: str
    kind: str

    @property
    def key(self) -> str:
        return str(self.child_id)


class EpisodeRecorded(EpisodeEvent):
    """It started, moved or ended; a later version replaces an earlier one whole. Open while `ended_on` is none.

    `worker_id` and `team_id` say who holds it, where the sender says so or the staff directory knows.
    """

    started_on: date
    ended_on: date | None = None
    category_of_abuse: str | None = None
    worker_id: str | None = None
    team_id: str | None = None
    source: str


class EpisodeWithdrawn(EpisodeEvent):
    """The sender purged it."""


class PeopleEvent(Event):
    """About staff: never about a child or a family."""

    topic = Topic.PEOPLE


class Role(StrEnum):
    """What a person may be. Several at once are possible; the scope is their union."""

    AUDITOR = "auditor"
    LEAD_AUDITOR = "lead_auditor"
    INTERNAL_AUDITOR = "internal_auditor"
    MODERATOR = "moderator"
    PRACTITIONER = "practitioner"
    TEAM_MANAGER = "team_manager"
    HEAD_OF_SERVICE = "head_of_service"
    BUSINESS_SUPPORT = "business_support"
    QA_MANAGER = "qa_manager"
    BOARD = "board"
    DCS = "dcs"
    SPONSOR = "sponsor"
    ADMINISTRATOR = "administrator"


class TeamMembership(Fact):
    """A person belonged to a team from `since` until `until` (exclusive; none while it lasts)."""

    team_id: str
    since: date
    until: date | None = None

    def stands_on(self, day: date) -> bool:
        """Whether the person belonged to it on that day."""
        return self.since <= day and (self.until is None or day < self.until)


class PersonRecorded(PeopleEvent):
    """A person, their roles and their teams by date. `person_id` is the worker id of the case management system.

    `manages` are the teams of a team manager; `services` those of a head of service. `epoch` rises when every session
    of the person must end.
    """

    person_id: str
    name: str
    email: str | None = None
    roles: tuple[str, ...] = ()
    teams: tuple[TeamMembership, ...] = ()
    manages: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    active: bool = True
    epoch: int = 0

    @property
    def key(self) -> str:
        return f"person:{self.person_id}"


class TeamKind(StrEnum):
    """What a team does in the child's pathway."""

    FRONT_DOOR = "front_door"
    ASSESSMENT = "assessment"
    SAFEGUARDING = "safeguarding"
    LOOKED_AFTER = "looked_after"
    DISABILITY = "disability"
    OTHER = "other"


class TeamRecorded(PeopleEvent):
    """A team, what kind it is and the service that it belongs to."""

    team_id: str
    name: str
    kind: str = TeamKind.OTHER
    service: str = ""
    active: bool = True

    @property
    def key(self) -> str:
        return f"team:{self.team_id}"


class ChildEvent(Event):
    """The mapping of a child's pseudonym to the case system's id, for the deep link. Compacted, erasable."""

    topic = Topic.CHILDREN

    child_id: UUID

    @property
    def key(self) -> str:
        return str(self.child_id)


class ChildLinked(ChildEvent):
    """The pseudonym stands for this opaque id of the case management system."""

    case_id: str


class ChildUnlinked(ChildEvent):
    """Erased everywhere."""

    tombstone = True


class FeedEvent(Event):
    """About a sender: counts and ids, never values."""

    topic = Topic.FEEDS

    sender: str

    @property
    def key(self) -> str:
        return self.sender


class FeedReceived(FeedEvent):
    """A file, a push or a batch of events was taken in: what it came to."""

    accepted: int
    duplicate: int
    quarantined: int


class FeedFellSilent(FeedEvent):
    """Nothing came for longer than this sender's usual rhythm."""

    last_heard_at: Instant | None = None


class FeedResumed(FeedEvent):
    """A silent sender was heard again, or one whose feed had ended may send again."""


class FeedEnded(FeedEvent):
    """A sender may send no more: nothing is expected of it, and what it sent stays."""


class WorkersUnmatched(FeedEvent):
    """Cases name workers or teams that the staff directory does not know."""

    workers: int
    teams: int


# --- audit: programmes, draws, audits --------------------------------------------------------------------------------


class Theme(Fact):
    """A theme of a programme and how many audits it wants."""

    theme_id: str
    name: str
    target: int


class Grade(Fact):
    """One step of a rating scale; `rank` 0 is the best. `rag` is its place on red, amber, green."""

    code: str
    name: str
    rank: int
    rag: str


class ProgrammeEvent(Event):
    """About a thematic audit programme. Its id is stable across its versions."""

    topic = Topic.PROGRAMMES

    programme_id: UUID

    @property
    def key(self) -> str:
        return str(self.programme_id)


class ProgrammeOpened(ProgrammeEvent):
    """A programme, or a new version of it, is in force."""

    name: str
    council: str
    opens_on: date
    closes_on: date
    themes: tuple[Theme, ...]
    scale: tuple[Grade, ...]
    auditors: tuple[str, ...] = ()
    action_working_days: int = 5
    red_action_working_days: int | None = None
    near_live_days: int | None = 7


class ProgrammeClosed(ProgrammeEvent):
    """The programme is over; nothing more is drawn."""


class DrawEvent(Event):
    """About how a theme's cases were chosen; in order for each theme of a programme."""

    topic = Topic.DRAWS

    programme_id: UUID
    theme_id: str
    week: int

    @property
    def key(self) -> str:
        return f"{self.programme_id}:{self.theme_id}"


class ThemeWeekOpened(DrawEvent):
    """Before its first arrival: what the week wants and at which threshold it draws."""

    opens_on: date
    want: int
    threshold: float
    expected: float
    target: int
    may_pass: bool = False
    """Whether the theme may be drawn past its target."""
    frame: bool = False
    """Whether the week samples what is open on its first day: all of it arrives then, and the lowest priorities fill.
    What waited in an earlier week and is still open arrives again."""


class Decision(Fact):
    """One eligible assessment's place in its theme-week, and what became of it. `verify` needs nothing else."""

    assessment_id: UUID
    sequence: int
    priority: float
    outcome: str
    """First `drawn`, `not_drawn` or `by_hand`; later on the same case `filled` (added at the week's close),
    `replacement`, `returned`, `withdrawn`, `ineligible` or `excluded` (can no longer fill or replace)."""
    unit: UUID | None = None
    """What the priority is made of where it is not the assessment: the family's work of one day."""


class DrawsDecided(DrawEvent):
    """A batch of decisions, in sequence."""

    decisions: tuple[Decision, ...]


class ThemeWeekClosed(DrawEvent):
    """The week's arrivals N, drawn n, and the design weight N/n of each of its cases.

    `capped` marks a week in which the target was reached, so that arrival order mattered.
    """

    arrivals: int
    drawn: int
    weight: float | None = None
    capped: bool = False


class AuditEvent(Event):
    """About one audit of one case, in order for each audit."""

    topic = Topic.AUDITS

    audit_id: UUID

    @property
    def key(self) -> str:
        return str(self.audit_id)


class CaseSampled(AuditEvent):
    """An assessment was drawn (or chosen by hand) for audit."""

    assessment_id: UUID
    child_id: UUID
    programme_id: UUID
    theme_id: str
    week: int
    kind: str
    priority: float
    threshold: float
    by_hand: bool = False
    sampled_on: date
    authorised_on: date
    team_id: str | None = None
    worker_id: str | None = None
    authorised_by: str | None = None
    re_audit_of: UUID | None = None
    """The audit whose case is looked at again: then `by_hand` is true, and it counts in no figure of first audits."""
    family_key: str | None = None
    """Opaque; siblings who were assessed together have one, where the sender names the family."""


class CaseAllocated(AuditEvent):
    """The case stands in this auditor's inbox."""

    auditor_id: str
    due_on: date


class CaseReturned(AuditEvent):
    """The auditor gave the case back; a replacement is drawn unless it was handed over."""

    auditor_id: str
    reason: str


class Finding(Fact):
    """What an audit found. Its words travel on the topic of texts under `finding_id`."""

    finding_id: UUID
    domain: str
    level: str
    """`practitioner`, `team` or `service`."""
    severity: str
    """`low`, `medium` or `high`."""
    needs_action: bool
    owner_id: str | None = None
    """Who should act, where the auditor named one; the practitioner otherwise."""
    acts_with: UUID | None = None
    """The finding whose action answers this one too: of this audit, or of another whose action is open. Then
    `needs_action` is false, and `owner_id` is whose action it is where that is another audit's."""


class SectionGrade(Fact):
    """How one section of the audit tool was graded."""

    section: str
    grade: str


class AuditState(AuditEvent):
    """An audit as it stands after completion or amendment."""

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
    sampled_on: date
    grade: str
    rag: str
    sections: tuple[SectionGrade, ...] = ()
    findings: tuple[Finding, ...] = ()
    strengths: int = 0
    minutes: int | None = None
    by_hand: bool = False
    re_audit_of: UUID | None = None
    """The audit whose case was looked at again. Its grade stands beside that one's, not in its place."""


class AuditCompleted(AuditState):
    """The auditor finished: graded, consistent, final until amended."""


class AuditAmended(AuditState):
    """The audit was changed after completion, whole new state, with a reason (in texts under `amendment_id`)."""

    amendment_id: UUID


class AuditWithdrawn(AuditEvent):
    """The case was withdrawn upstream before its audit was completed."""


class SiblingsConfirmed(AuditEvent):
    """The sender named no family; an auditor says that the case is of one family with others of this key.

    It changes no draw. Of several keys of one case the last is meant.
    """

    family_key: str
    by: str


class SiblingsParted(AuditEvent):
    """The case is of no family with others after all."""

    by: str


class StrengthRecognised(AuditEvent):
    """Something done well, told to the worker and the manager the same day."""

    strength_id: UUID
    worker_id: str | None = None
    team_id: str | None = None
    domain: str


class ConcernEscalated(AuditEvent):
    """A child may be unsafe now. Never only a five-day action: telephone first, told at once, timed acknowledgement."""

    concern_id: UUID
    child_id: UUID
    raised_by: str
    recipients: tuple[str, ...]
    lado: bool = False
    acknowledge_by: Instant


class ConcernAcknowledged(AuditEvent):
    """Somebody of the chain has it in hand. It stays open until the child is safe."""

    concern_id: UUID
    acknowledged_by: str


class ConcernClosed(AuditEvent):
    """What made the child safe is recorded (in texts under `concern_id`)."""

    concern_id: UUID
    closed_by: str


class AccuracyAsked(AuditEvent):
    """The practitioner sees the findings first and may say until `comment_by` whether the facts are right."""

    worker_id: str
    comment_by: date


class FindingChallenged(AuditEvent):
    """Somebody whom a finding is about says that it is wrong (why, in texts under `challenge_id`)."""

    challenge_id: UUID
    finding_id: UUID
    challenged_by: str


class ChallengeAnswered(AuditEvent):
    """The challenge was answered (how, in texts under `challenge_id`)."""

    challenge_id: UUID
    finding_id: UUID
    upheld: bool
    answered_by: str
    challenged_by: str | None = None
    """Whom the answer is for."""


# --- texts: what may need erasing ------------------------------------------------------------------------------------


class TextEvent(Event):
    """Free text about a finding, an action or a reason, under the id of what it is about. Compacted, erasable."""

    topic = Topic.TEXTS

    text_id: UUID

    @property
    def key(self) -> str:
        return str(self.text_id)


class TextWritten(TextEvent):
    """`about` names the audit it belongs to; `parts` are named passages (`finding`, `action`, `done`, `difference`)."""

    about: UUID
    parts: dict[str, str]


class TextErased(TextEvent):
    """Erased everywhere."""

    tombstone = True


# --- remedial: actions and the loop ----------------------------------------------------------------------------------


class ActionEvent(Event):
    """About one remedial action; keyed by its audit, so that the actions of an audit and its loop are in order."""

    topic = Topic.ACTIONS

    audit_id: UUID
    action_id: UUID

    @property
    def key(self) -> str:
        return str(self.audit_id)


class ActionRaised(ActionEvent):
    """A finding became an action with an owner and a due date, frozen with the rule that made it."""

    finding_id: UUID
    child_id: UUID
    programme_id: UUID
    theme_id: str
    auditor_id: str
    owner_id: str | None = None
    team_id: str | None = None
    domain: str
    severity: str
    rag: str
    due_on: date
    due_at: Instant
    working_days: int
    alone_because: str | None = None
    """Why the finding got an action of its own although the auditor meant an open one to answer it: `verified`,
    `reported`, `withdrawn`, `other_owner`, `other_team`, `other_auditor` or `unknown`."""


class ActionChanged(ActionEvent):
    """An amendment of the audit changed what the action is about."""

    domain: str
    severity: str


class ActionSeen(ActionEvent):
    """The owner opened it."""

    by: str


class ActionStarted(ActionEvent):
    """The owner is working on it."""

    by: str


class ActionReported(ActionEvent):
    """The owner says that it is done (what, and what difference, in texts under the action's id)."""

    by: str


class EvidenceAttached(ActionEvent):
    """A file stands as evidence of the action: its id, kind and size in bytes. Name and content stay with remedial."""

    attachment_id: UUID
    kind: str
    size: int
    by: str


class EvidenceWithdrawn(ActionEvent):
    """A file stands no longer: somebody removed it, or the case was withdrawn and it was erased."""

    attachment_id: UUID
    by: str


class ActionVerified(ActionEvent):
    """Somebody other than whoever did it confirmed that it is done. `in_time` is against the first due date."""

    by: str
    in_time: bool


class VerificationChecked(ActionEvent):
    """A verification drawn for a second look was looked at by somebody else: upheld, or the action was reopened."""

    by: str
    upheld: bool


class ActionReturned(ActionEvent):
    """Not done yet: back to the owner with a reason."""

    by: str


class ActionReassigned(ActionEvent):
    """Another owner, with a reason."""

    by: str
    owner_id: str | None = None
    team_id: str | None = None


class ActionExtended(ActionEvent):
    """A later due date, with a reason. The first one stays the measure of timeliness."""

    by: str
    due_on: date
    due_at: Instant


class ActionWithdrawn(ActionEvent):
    """No longer asked for: the audit was amended or withdrawn."""

    by: str


class ActionReopened(ActionEvent):
    """Asked for again after it was verified or withdrawn, with a new due date and a reason."""

    by: str
    due_on: date
    due_at: Instant


class ActionChased(ActionEvent):
    """Somebody asked the owner how far it is."""

    by: str


class ActionEscalated(ActionEvent):
    """Overdue: told to the next one up. `step` 1 is the team manager, 2 the head of service."""

    step: int
    to: str | None = None


class EscalationAcknowledged(ActionEvent):
    """Whoever the action was escalated to has it in hand."""

    step: int
    by: str


class LoopEvent(Event):
    """About whether the loop of one audit is closed."""

    topic = Topic.ACTIONS

    audit_id: UUID

    @property
    def key(self) -> str:
        return str(self.audit_id)


class LoopClosed(LoopEvent):
    """Every action of the audit is verified: the grade before and after, and the working days it took."""

    before: str
    after: str
    working_days: int
    actions: int


class LoopHeld(LoopEvent):
    """Closed, and nothing came back within `days`."""

    days: int


class LoopReopened(LoopEvent):
    """Closed `days` ago, and open again: `because` says why.

    `amended` or `reopened`: an action is asked for (again), and the loop closes again when it is verified. `enquiry`,
    `referral` or `plan`: something happened to the child within `days`, so the loop did not hold.
    """

    days: int
    because: str


class FindingJoined(LoopEvent):
    """An open action answers this finding too: no other is raised, and the loop waits for that one.

    `action_audit_id` is the audit that the action was raised from: this one, or another.
    """

    finding_id: UUID
    action_id: UUID
    action_audit_id: UUID
    team_id: str | None = None
    domain: str
    severity: str


class FindingParted(LoopEvent):
    """That action no longer answers the finding: the audit was amended, or the action withdrawn."""

    finding_id: UUID
    action_id: UUID


class PatternDetected(Event):
    """The same domain was found three times within ten working days in one team."""

    topic = Topic.SESSIONS

    pattern_id: UUID
    team_id: str
    domain: str
    actions: int
    since: date

    @property
    def key(self) -> str:
        return str(self.pattern_id)


class SupportSessionEvent(Event):
    """About one support session: coaching, mentoring, a reflective meeting, a workshop, a shadowed or joint audit.

    Reflections are not here: what is private to a pair stays with remedial, what is shared travels as a text under
    `session_id`.
    """

    topic = Topic.SESSIONS

    session_id: UUID

    @property
    def key(self) -> str:
        return str(self.session_id)


class SessionState(SupportSessionEvent):
    """A session as it was planned, or as it was held: who leads it, who is there, what it is about."""

    kind: str
    leader_id: str
    attendees: tuple[str, ...]
    managers: tuple[str, ...] = ()
    """Those of the attendees who manage a team: the programme counts its meetings with managers."""
    starts_at: Instant
    minutes: int
    team_id: str | None = None
    domains: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    actions: tuple[UUID, ...] = ()
    pattern_id: UUID | None = None


class SessionPlanned(SessionState):
    """It is to happen."""


class SessionHeld(SessionState):
    """It happened, with these attendees."""


class SessionCancelled(SupportSessionEvent):
    """It will not happen."""

    by: str


class LeaveEvent(Event):
    """About one stretch of leave of a member of staff. Why is nobody's business here."""

    topic = Topic.SESSIONS

    leave_id: UUID
    person_id: str

    @property
    def key(self) -> str:
        return str(self.leave_id)


class LeaveRecorded(LeaveEvent):
    """Somebody who owns actions is away from the first day to the last, both included."""

    first_on: date
    last_on: date


class LeaveRemoved(LeaveEvent):
    """It was a mistake, or it was called off."""


# --- reporting: what was published ------------------------------------------------------------------------------------


class ReportEvent(Event):
    """About the board's report on one programme and month. Its id is stable across its editions."""

    topic = Topic.REPORTS

    report_id: UUID

    @property
    def key(self) -> str:
        return str(self.report_id)


class BoardReportPublished(ReportEvent):
    """An edition of a month's report went to the board; its figures are frozen. Above 1 it corrects the one before."""

    programme_id: UUID
    month: date
    edition: int
    published_by: str


# --- time ------------------------------------------------------------------------------------------------------------


class DayOpened(Event):
    """A day began in Europe/London. Made by each service's own ticker, handled once through its inbox."""

    topic = Topic.LOCAL

    day: date

    @property
    def key(self) -> str:
        return "day"


def _concrete(base: type[Event]) -> list[type[Event]]:
    """Every class below `base` that has no class below itself: those are the events that travel."""
    below = base.__subclasses__()
    return [base] if not below else [leaf for child in below for leaf in _concrete(child)]


EVENTS: dict[str, type[Event]] = {event.type(): event for event in _concrete(Event)}
"""Every event that travels, by its `ce_type`."""


def events_of(topic: Topic) -> list[type[Event]]:
    """The events of one topic, in the order of this file."""
    return [event for event in EVENTS.values() if event.topic == topic]
