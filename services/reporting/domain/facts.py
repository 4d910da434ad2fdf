"""What a figure is made of: one narrow, frozen row for each audit, action and loop, as the projections hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from shared.working_days import local_date


class AuditStatus(StrEnum):
    """Where a sampled case stands."""

    SAMPLED = "sampled"
    ALLOCATED = "allocated"
    RETURNED = "returned"
    COMPLETED = "completed"
    WITHDRAWN = "withdrawn"


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
    verified_at: datetime | None = None
    in_time: bool | None = None
    extensions: int = 0
    reassignments: int = 0

    def is_overdue(self, at: datetime) -> bool:
        """Nobody has reported it done, and its due date has passed."""
        return self.status == ActionStatus.OPEN and self.due_at < at


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
    """Everything that the figures of one view are computed from, as it stood at `at`."""

    at: datetime
    audits: Sequence[AuditFact] = field(default=())
    actions: Sequence[ActionFact] = field(default=())
    loops: Sequence[LoopFact] = field(default=())
    themes: Sequence[ThemeFact] = field(default=())
    concerns: Sequence[ConcernFact] = field(default=())
