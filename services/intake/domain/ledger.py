"""The ledger of one batch: the children it touches, what is known of them, and what each statement changes.

It is filled from the database under the children's locks, takes statements in their order, and then says what to
store and which events to tell. Nothing here does I/O, so the rules can be tested by the thousand.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from services.intake.domain import history as histories
from services.intake.domain import identity
from services.intake.domain.directory import NOBODY, Directory, Named
from services.intake.domain.refusal import Refusal
from services.intake.domain.work import Purge, Said, Submission, Work, facts
from shared.events import AssessmentRecorded, AssessmentWithdrawn, Kind

Alias = tuple[str, str, str]
"""A road, a kind and the sender's own id."""


COUNTED = frozenset({Kind.ENQUIRY.value, Kind.REFERRAL.value})
"""What history counts."""


class Outcome(StrEnum):
    """What became of a statement."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    DELETED = "deleted"
    """It is about what another road had deleted, and was not taken."""

    @property
    def counted(self) -> str:
        """As what it is counted: whatever has no effect is a duplicate."""
        return "accepted" if self is Outcome.ACCEPTED else "duplicate"


@dataclass(frozen=True, slots=True)
class Plan:
    """A child protection plan: from when to when, and the category of abuse it rests on."""

    started_on: date
    ended_on: date | None
    category: str | None

    def covers(self, work: Said) -> bool:
        """Whether the plan was in force when the work was finished, or began with its conference."""
        if work.finished_on is None:
            return False
        in_force = self.started_on <= work.finished_on and (self.ended_on is None or self.ended_on >= work.finished_on)
        return in_force or self.started_on == work.conference_on


@dataclass(frozen=True, slots=True)
class Change:
    """What a statement changed in a record that was told or finished: field by field, before and after."""

    assessment_id: UUID
    version: int
    at: datetime
    road: str
    fields: dict[str, tuple[str | None, str | None]]


@dataclass
class Ledger:
    """See the module. `key` makes pseudonyms; `claimed` remembers across the batches of one file."""

    council: str
    key: bytes
    directory: Directory = field(default_factory=Directory)
    works: dict[UUID, list[Work]] = field(default_factory=lambda: defaultdict(list))
    aliases: dict[Alias, tuple[UUID, UUID]] = field(default_factory=dict)
    plans: dict[UUID, list[Plan]] = field(default_factory=lambda: defaultdict(list))
    claimed: set[UUID] = field(default_factory=set)
    linked: set[UUID] = field(default_factory=set)
    """The children of whom something stood before: the case system's id of each was told then."""
    heard_at: dict[UUID, datetime] = field(default_factory=dict)
    """The children that something was heard of, and when it was last said."""
    all_anew: bool = False
    """Whether everything of the children is looked at again, for the directory or their plans have changed."""
    moved: set[UUID] = field(default_factory=set)
    """The children of whom an enquiry or a referral appeared, went or began on another day: their history changed."""
    changes: list[Change] = field(default_factory=list)
    unknown: dict[tuple[str, str], str] = field(default_factory=dict)
    """Workers and teams that the directory lacks: kind and id, and how they were spelled."""

    def take(self, submission: Submission) -> Outcome | Refusal:
        """Take one statement into account and say what it did; a refusal where its id is another child's."""
        child_id = identity.pseudonym(self.key, submission.child)
        self.heard_at[child_id] = max(submission.at, self.heard_at.get(child_id, submission.at))
        work = self._known(submission, child_id)
        if isinstance(work, Refusal):
            return work
        if submission.said is None:
            return self._withdraw(submission, work, child_id)
        if work is None:
            self._open(submission, child_id)
            return Outcome.ACCEPTED
        return self._hear(submission, work)

    def purge(self, purge: Purge) -> Outcome:
        """Withdraw everything of a child, or what one road said of an episode."""
        child_id = identity.pseudonym(self.key, purge.child)
        self.heard_at[child_id] = max(purge.at, self.heard_at.get(child_id, purge.at))
        meant = [
            work
            for work in self.works[child_id]
            if work.withdrawn_at is None and (purge.episode is None or _episode(work, purge.road) == purge.episode)
        ]
        for work in meant:
            self._take_back(work, purge.road, 1, purge.at)
        return Outcome.ACCEPTED if meant else Outcome.DUPLICATE

    def settle(self) -> Iterator[AssessmentRecorded | AssessmentWithdrawn]:
        """The events that bring everybody downstream to what is known now, in order for each child heard of."""
        for child_id, at in self.heard_at.items():
            works = self.works[child_id]
            starts = [(work.kind, work.started_on) for work in works if work.said]
            for work in works:
                if not (work.is_touched or self.all_anew or child_id in self.moved):
                    continue
                event = self._told(work, starts, at)
                if event is not None:
                    yield event

    def _known(self, submission: Submission, child_id: UUID) -> Work | Refusal | None:
        if submission.sender_id is not None:
            named = self.aliases.get((submission.road, submission.kind, submission.sender_id))
            if named is not None and named[0] != child_id:
                return Refusal("id_of_another_child", "id", "This id already belongs to another child's record")
            if named is not None:
                return next(work for work in self.works[child_id] if work.assessment_id == named[1])
        work = identity.match(submission, self.works[child_id], self.council, child_id, self.claimed)
        if work is not None and submission.sender_id is not None:
            self._name(work, submission.road, submission.sender_id)
        return work

    def _open(self, submission: Submission, child_id: UUID) -> None:
        said = submission.said
        assert said is not None  # noqa: S101 - a purge of what is not known opens nothing
        works = self.works[child_id]
        taken = {work.assessment_id for work in works}
        work = Work(
            assessment_id=identity.mint(self.council, submission.kind, child_id, said.started_on, taken),
            child_id=child_id,
            kind=submission.kind,
            road=submission.road,
            sender_id=submission.sender_id,
            said={submission.road: said},
            started_on=said.started_on,
            is_new=True,
            is_touched=True,
        )
        works.append(work)
        self._move(work)
        if submission.sender_id is not None:
            self.aliases[submission.road, submission.kind, submission.sender_id] = (child_id, work.assessment_id)
        else:
            self.claimed.add(work.assessment_id)

    def _name(self, work: Work, road: str, sender_id: str) -> None:
        self.aliases[road, work.kind, sender_id] = (work.child_id, work.assessment_id)
        work.new_aliases.append((road, sender_id))
        work.is_touched = True

    def _hear(self, submission: Submission, work: Work) -> Outcome:
        """An older statement of the same road, or one that says the same, has no effect."""
        said, road = submission.said, submission.road
        assert said is not None  # noqa: S101 - the caller has looked
        known = work.said.get(road)
        if submission.sender_id is None:
            self.claimed.add(work.assessment_id)
        if work.withdrawn_at is not None:
            return self._hear_again(submission, work)
        if known is not None and (said.order < known.order or said.says_the_same_as(known)):
            return Outcome.DUPLICATE
        before = facts(work.said)
        work.said = {**work.said, road: said}
        work.is_touched = True
        after = facts(work.said)
        if after.started_on != work.started_on:
            # It stays this record, even where another road opened one on the new day: ending one would end its audit
            work.started_on = after.started_on
            self._move(work)
        if before.says_the_same_as(after):
            return Outcome.DUPLICATE
        self._note(work, submission, before, after, is_first_word=known is None)
        return Outcome.ACCEPTED

    def _hear_again(self, submission: Submission, work: Work) -> Outcome:
        """What was purged comes back only by the road that purged it, said later than the purge."""
        said = submission.said
        assert said is not None and work.withdrawn_at is not None  # noqa: S101, PT018 - the caller has looked
        if submission.road != work.withdrawn_road:
            return Outcome.DELETED
        if submission.order <= (work.withdrawn_version, work.withdrawn_at):
            return Outcome.DUPLICATE
        work.withdrawn_road = work.withdrawn_at = None
        work.said, work.started_on, work.is_touched = {submission.road: said}, said.started_on, True
        self._move(work)
        return Outcome.ACCEPTED

    def _withdraw(self, submission: Submission, work: Work | None, child_id: UUID) -> Outcome:
        if work is None:
            self._remember(submission, child_id)
            return Outcome.DUPLICATE
        if work.withdrawn_at is not None:
            return Outcome.DUPLICATE
        known = work.said.get(submission.road)
        if known is not None and submission.order < known.order:
            return Outcome.DUPLICATE
        self._take_back(work, submission.road, submission.version, submission.at)
        return Outcome.ACCEPTED

    def _remember(self, submission: Submission, child_id: UUID) -> None:
        """Keep the id of what was purged before it came, on no day of its own, so that no other road's can be it."""
        works, road, sender_id = self.works[child_id], submission.road, submission.sender_id
        if sender_id is None:
            return
        taken = {work.assessment_id for work in works}
        work = Work(
            assessment_id=identity.mint(self.council, submission.kind, child_id, date.min, taken),
            child_id=child_id,
            kind=submission.kind,
            road=road,
            sender_id=sender_id,
            said={},
            started_on=date.min,
            withdrawn_road=road,
            withdrawn_version=submission.version,
            withdrawn_at=submission.at,
            is_new=True,
            is_touched=True,
        )
        works.append(work)
        self.aliases[road, submission.kind, sender_id] = (child_id, work.assessment_id)

    def _take_back(self, work: Work, road: str, version: int, at: datetime) -> None:
        work.said, work.is_touched = {}, True
        self._move(work)
        work.withdrawn_road, work.withdrawn_version, work.withdrawn_at = road, version, at

    def _move(self, work: Work) -> None:
        if work.kind in COUNTED:
            self.moved.add(work.child_id)

    def _note(self, work: Work, submission: Submission, before: Said, after: Said, *, is_first_word: bool) -> None:
        """Keep what changed in work that was told or finished; of what was finished, say it too.

        What a road's first word adds, where nothing stood, is no change in the case.
        """
        if not work.version and before.finished_on is None:
            return
        differing = before.differing(after)
        fields = {name: (_shown(getattr(before, name)), _shown(getattr(after, name))) for name in differing}
        self.changes.append(Change(work.assessment_id, work.version + 1, submission.at, submission.road, fields))
        if before.finished_on is not None:
            moved = [name for name in differing if not is_first_word or getattr(before, name) not in (None, ())]
            told = {_TOLD_AS.get(name, name) for name in moved} & set(AssessmentRecorded.__struct_fields__)
            work.changed = tuple(sorted({*work.changed, *told}))

    def _told(
        self, work: Work, starts: list[tuple[str, date]], at: datetime
    ) -> AssessmentRecorded | AssessmentWithdrawn | None:
        """The event that this piece of work needs now, if any; remembers what it told."""
        made = facts(work.said) if work.said else None
        if made is None or made.finished_on is None:
            if work.digest is None:
                return None
            work.digest, work.is_touched = None, True
            work.version += 1
            work.unmatched = ()
            return AssessmentWithdrawn(
                occurred_at=at,
                version=work.version,
                assessment_id=work.assessment_id,
                child_id=work.child_id,
                council=self.council,
                kind=work.kind,
            )
        event, unmatched = self._recorded(work, made, starts, at)
        digest = _digest(event)
        if digest == work.digest:
            return None
        work.digest, work.version, work.unmatched = digest, event.version, unmatched
        work.is_touched = True
        return event

    def _recorded(
        self, work: Work, made: Said, starts: list[tuple[str, date]], at: datetime
    ) -> tuple[AssessmentRecorded, tuple[str, ...]]:
        finished_on = made.finished_on
        assert finished_on is not None  # noqa: S101 - the caller has looked
        past = histories.history(made.started_on, starts) if len(starts) > 1 else histories.NOTHING
        worker = self._matched("worker", self.directory.worker(made.worker, made.worker_name))
        team = self._matched("team", self.directory.team(made.team, made.team_name))
        if team is NOBODY:
            team = self.directory.team_of(worker.id, finished_on)
        authoriser = self.directory.worker(made.finished_by, None) if made.finished_by else NOBODY
        authoriser = self._matched("worker", authoriser)
        named = (("worker_id", worker), ("team_id", team), ("authorised_by", authoriser))
        lacking = [one for one in named if one[1].unknown is not None]
        event = AssessmentRecorded(
            occurred_at=at,
            version=work.version + 1,
            assessment_id=work.assessment_id,
            child_id=work.child_id,
            council=self.council,
            kind=work.kind,
            started_on=made.started_on,
            authorised_on=finished_on,
            authorised_at=made.finished_at,
            referred_on=made.referred_on,
            worker_id=worker.id,
            team_id=team.id,
            authorised_by=authoriser.id,
            unmatched=tuple([name for name, _ in lacking]),
            factors=made.factors,
            category_of_abuse=made.category or self._category(work.child_id, made),
            child_seen=made.child_seen,
            no_further_action=made.no_further_action,
            conference_on=made.conference_on,
            outcome=made.outcome,
            earlier_enquiries=max(past.earlier_enquiries, made.earlier_enquiries or 0),
            earlier_referrals=max(past.earlier_referrals, made.earlier_referrals or 0),
            working_days=histories.working_days(work.kind, made.started_on, made.referred_on, finished_on),
            age_band=made.age_band,
            family_key=identity.opaque(self.key, "family", made.family) if made.family else None,
            source=work.road,
            decided=made.decided,
            changed=work.changed,
        )
        return event, _listed(lacking) if lacking else ()

    def _matched(self, kind: str, found: Named) -> Named:
        """An unknown one is listed, and a name becomes an opaque id: the event log holds no names."""
        if found.unknown is None:
            return found
        stand_in = identity.stand_in(self.key, kind, found)
        assert stand_in is not None  # noqa: S101 - an unknown one always has one
        if (kind, stand_in) not in self.directory.listed:
            self.unknown[kind, stand_in] = found.unknown
        return Named(stand_in, found.unknown)

    def _category(self, child_id: UUID, made: Said) -> str | None:
        covering = [plan for plan in self.plans.get(child_id, ()) if plan.covers(made)]
        return max(covering, key=lambda plan: plan.started_on).category if covering else None


_TOLD_AS = {
    "finished_on": "authorised_on",
    "finished_at": "authorised_at",
    "finished_by": "authorised_by",
    "worker": "worker_id",
    "worker_name": "worker_id",
    "team": "team_id",
    "team_name": "team_id",
    "category": "category_of_abuse",
    "family": "family_key",
}
"""Fields that the events name otherwise."""

_AFTER_VERSION = b',"assessment_id":'
"""Where the facts begin in the body of an event; pinned by a test."""


def _listed(lacking: Iterable[tuple[str, Named]]) -> tuple[str, ...]:
    return tuple(sorted({f"{'team' if name == 'team_id' else 'worker'}:{found.id}" for name, found in lacking}))


def _episode(work: Work, road: str) -> str | None:
    return work.said[road].episode if road in work.said else None


def _digest(event: AssessmentRecorded) -> str:
    """Of the facts: of all that its body says after when it was told and as which version."""
    assert event.body is not None  # noqa: S101 - only an erasure has none
    facts_of_it = event.body.partition(_AFTER_VERSION)[2]
    return hashlib.blake2b(facts_of_it, digest_size=12).hexdigest()


def _shown(value: object) -> str | None:
    if value is None:
        return None
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
