"""What a figure is made of: one narrow, frozen row for each audit, action and loop, as the projections hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from shared.events import EpisodeKind
from shared.working_days import local_date

EPISODES = frozenset(EpisodeKind)
"""What a programme over open cases draws: a plan, a placement, a case. Nobody has finished it, so it has no age."""


class AuditStatus(StrEnum):
    """Where a sampled case stands."""

    SAMPLED = "sampled"
    ALLOCATED = "allocated"
    RETURNED = "returned"
    COMPLETED = "completed"
    WITHDRAWN = "withdrawn"


class SessionStatus(StrEnum):
    """Where a support session stands."""

    PLANNED = "planned"
    HELD = "held"
    CANCELLED = "cancelled"


class ActionStatus(StrEnum):
    """Where a remedial action stands: whose turn it is."""

    OPEN = "open"
    REPORTED = "reported"
    VERIFIED = "verified"
    WITHDRAWN = "withdrawn"


class Rag(StrEnum):
    """Red, amber, green: the three places that a programme's grades map to."""

    RED = "red"
    AMBER = "amber"
    GREEN = "green"


@dataclass(frozen=True, slots=True)
class AuditFact:
    """One sampled case and its audit."""

    audit_id: UUID
    programme_id: UUID
    theme_id: str
    team_id: str | None
    worker_id: str | None
    status: str
    by_hand: bool
    authorised_on: date
    sampled_on: date
    rag: str | None = None
    completed_at: datetime | None = None
    answered: int = 0
    """How many challenges of its findings were answered, and how many of those were upheld."""
    upheld: int = 0
    kind: str = ""
    family_key: str | None = None

    @property
    def was_finished(self) -> bool:
        """Whether the work was finished when it was drawn. A plan, a placement or a case was open, and has no age."""
        return self.kind not in EPISODES

    @property
    def completed(self) -> bool:
        return self.status == AuditStatus.COMPLETED

    @property
    def sampled_after_days(self) -> int:
        """Calendar days from the event that finished the work to the draw."""
        return (self.sampled_on - self.authorised_on).days

    @property
    def audited_after_days(self) -> int | None:
        """Calendar days from the event that finished the work to the completed audit."""
        return None if self.completed_at is None else (local_date(self.completed_at) - self.authorised_on).days


@dataclass(frozen=True, slots=True)
class ReAuditFact:
    """An audit of a case that was audited before, and the first audit's rating beside its own."""

    audit_id: UUID
    completed_at: datetime | None
    before: str | None
    after: str | None
    answered: int = 0
    upheld: int = 0

    @property
    def is_better(self) -> bool:
        """Whether the rating is better than the first one."""
        return RANK.get(self.after or "", 0) > RANK.get(self.before or "", 0)


RANK: dict[str, int] = {Rag.RED: 1, Rag.AMBER: 2, Rag.GREEN: 3}


@dataclass(frozen=True, slots=True)
class ActionFact:
    """One remedial action. `in_time` is against the first due date, and known once it is verified."""

    action_id: UUID
    audit_id: UUID
    programme_id: UUID
    theme_id: str
    team_id: str | None
    owner_id: str | None
    status: str
    severity: str
    raised_at: datetime
    first_due_at: datetime
    due_at: datetime
    reported_at: datetime | None = None
    verified_at: datetime | None = None
    in_time: bool | None = None
    check_upheld: bool | None = None
    """What a second look at its verification came to; none where nobody looked."""
    extensions: int = 0
    reassignments: int = 0

    @property
    def is_open(self) -> bool:
        """Nobody has reported it done."""
        return self.status == ActionStatus.OPEN

    def is_overdue(self, at: datetime) -> bool:
        """Nobody has reported it done, and its due date has passed."""
        return self.is_open and self.due_at < at

    def is_late_already(self, at: datetime) -> bool:
        """Nobody has verified it, and it was not reported by its first due date: nothing can make it in time."""
        if self.status == ActionStatus.REPORTED:
            return self.reported_at is not None and self.reported_at > self.first_due_at
        return self.is_open and self.first_due_at < at


@dataclass(frozen=True, slots=True)
class LoopFact:
    """One audit all of whose actions are verified."""

    audit_id: UUID
    closed_at: datetime
    working_days: int
    did_not_hold: bool


@dataclass(frozen=True, slots=True)
class ThemeFact:
    """One theme of a programme: what it wants, and how many cases its closed weeks drew from."""

    programme_id: UUID
    theme_id: str
    name: str
    target: int
    arrivals: int = 0


@dataclass(frozen=True, slots=True)
class ConcernFact:
    """A child who may be unsafe now, told the same day; open until the record says what made the child safe."""

    concern_id: UUID
    raised_at: datetime
    acknowledge_by: datetime
    acknowledged_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the figures of one view are computed from, as it stood at `at`. `audits` are first audits."""

    at: datetime
    audits: Sequence[AuditFact] = field(default=())
    re_audits: Sequence[ReAuditFact] = field(default=())
    actions: Sequence[ActionFact] = field(default=())
    loops: Sequence[LoopFact] = field(default=())
    themes: Sequence[ThemeFact] = field(default=())
    concerns: Sequence[ConcernFact] = field(default=())


def rewound(facts: Facts, at: datetime) -> Facts:
    """The facts as they stood at an earlier instant, as far as the projections remember.

    Ratings are those in force today, so that a correction corrects the past too. What the projections do not keep is
    not rewound: the due date before an extension, a report that was sent back, the day of a withdrawal.
    """
    return Facts(
        at=at,
        audits=[_audit_at(audit, at) for audit in facts.audits if audit.sampled_on <= local_date(at)],
        re_audits=[each for each in facts.re_audits if each.completed_at is not None and each.completed_at <= at],
        actions=[_action_at(action, at) for action in facts.actions if action.raised_at <= at],
        loops=[loop for loop in facts.loops if loop.closed_at <= at],
        themes=facts.themes,
        concerns=[_concern_at(concern, at) for concern in facts.concerns if concern.raised_at <= at],
    )


def _audit_at(audit: AuditFact, at: datetime) -> AuditFact:
    if audit.completed_at is None or audit.completed_at <= at:
        return audit
    return replace(audit, status=AuditStatus.ALLOCATED, rag=None, completed_at=None)


def _action_at(action: ActionFact, at: datetime) -> ActionFact:
    if action.status == ActionStatus.WITHDRAWN:
        return action
    if action.verified_at is not None and action.verified_at <= at:
        return action
    reported = action.reported_at is not None and action.reported_at <= at
    status = ActionStatus.REPORTED if reported else ActionStatus.OPEN
    return replace(action, status=status, verified_at=None, in_time=None)


def _concern_at(concern: ConcernFact, at: datetime) -> ConcernFact:
    is_open = concern.closed_at is not None and concern.closed_at > at
    return replace(concern, closed_at=None) if is_open else concern
