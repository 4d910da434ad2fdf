"""The proof of a draw: the published decisions are replayed in their sequence, and every one must follow.

Nothing else is needed than what was published and the seed: neither the cases nor the programme's file. What cannot be
explained by priority, threshold, want and target is named.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from services.audit.domain.sampling import IN_SAMPLE, Outcome, ThemeWeek, Waiting, place, priority
from shared.events import Decision, DrawEvent, DrawsDecided, ThemeWeekClosed, ThemeWeekOpened

MOST_PROBLEMS = 50


@dataclass
class Proof:
    """What a replay came to."""

    drawn: set[UUID] = field(default_factory=set)
    """The cases that stand in the sample at the end."""
    by_hand: set[UUID] = field(default_factory=set)
    """The cases chosen by hand, outside the sample."""
    draws: int = 0
    """How often a case was put into the sample, those given back later included."""
    hands: int = 0
    re_audits: int = 0
    """Audits of cases that were audited before: no decision of the draw, so nothing here to replay."""
    problems: list[str] = field(default_factory=list)

    @property
    def verified(self) -> bool:
        """Whether every decision follows from what was published before it."""
        return not self.problems


@dataclass
class _Week:
    """One week while it is replayed."""

    state: ThemeWeek
    frame: bool = False
    waiting: dict[UUID, Waiting] = field(default_factory=dict)
    closed: bool = False

    def is_next(self, assessment_id: UUID) -> bool:
        """Whether this is the case that fills or replaces next."""
        return bool(self.waiting) and min(self.waiting.values(), key=place).assessment_id == assessment_id


@dataclass
class _Theme:
    """One theme of a programme while its events are replayed in order."""

    name: str
    seed: bytes
    proof: Proof
    decided: dict[UUID, str]
    weeks: dict[int, _Week] = field(default_factory=dict)
    version: int = 0
    done: int = 0
    owed: int = 0
    """Cases given back and not replaced yet."""

    def take(self, event: DrawEvent) -> None:
        """The next event of the theme."""
        if event.version != self.version + 1:
            self._wrong(event.week, f"version {event.version} follows version {self.version}")
        self.version = event.version
        match event:
            case ThemeWeekOpened():
                self._open(event)
            case DrawsDecided():
                for decision in event.decisions:
                    self._decide(event.week, decision)
            case ThemeWeekClosed():
                self._close(event)
            case _:
                self._wrong(event.week, f"{event.type()} is no part of a draw")

    def _wrong(self, week: int, why: str) -> None:
        if len(self.proof.problems) < MOST_PROBLEMS:
            self.proof.problems.append(f"{self.name}, week {week}: {why}")

    def _open(self, event: ThemeWeekOpened) -> None:
        if event.week in self.weeks or not 0 <= event.threshold <= 1:
            self._wrong(event.week, "opened twice, or with a threshold that is none")
        limit = None if event.may_pass else event.target
        state = ThemeWeek(event.week, event.want, event.threshold, event.expected, limit, self.done)
        self.weeks[event.week] = _Week(state, event.frame)

    def _decide(self, number: int, decision: Decision) -> None:
        week = self.weeks.get(number)
        if week is None:
            self._wrong(number, "decided before it was opened")
            return
        # Weeks share the theme's count: a replacement may belong to a week closed long ago.
        week.state = week.state.having(self.done)
        if decision.sequence != week.state.sequence + 1:
            self._wrong(number, f"decision {decision.sequence} follows decision {week.state.sequence}")
        if decision.priority != priority(self.seed, decision.unit or decision.assessment_id):
            self._wrong(number, f"decision {decision.sequence} has a priority that the seed does not give")
        why = self._follow(week, decision)
        if why:
            self._wrong(number, f"decision {decision.sequence} ({decision.outcome}): {why}")
        self.done = week.state.done
        self._count(decision)

    def _follow(self, week: _Week, decision: Decision) -> str:
        """Move on by one decision; why it does not follow from what came before, if so."""
        before = self.decided.get(decision.assessment_id)
        match decision.outcome:
            case Outcome.DRAWN | Outcome.NOT_DRAWN:
                return self._arrive(week, decision, before)
            case Outcome.FILLED | Outcome.REPLACEMENT:
                return self._add(week, decision)
            case Outcome.RETURNED | Outcome.WITHDRAWN if before in IN_SAMPLE:
                week.state = week.state.give_back()
                self.owed += 1
                return ""
            case Outcome.BY_HAND:
                week.state = week.state.note()
                week.waiting.pop(decision.assessment_id, None)
                return "the case was in the sample already" if before in IN_SAMPLE else ""
            case _:
                week.state = week.state.note()
                was_there = week.waiting.pop(decision.assessment_id, None) is not None or before == Outcome.BY_HAND
                return "" if was_there else "no such case was waiting"

    def _arrive(self, week: _Week, decision: Decision, before: str | None) -> str:
        week.state, outcome = week.state.arrive(decision.priority)
        if before == Outcome.NOT_DRAWN and week.frame and self._still_waits(decision.assessment_id):
            before = None
        if outcome == Outcome.NOT_DRAWN:
            waiting = Waiting(decision.assessment_id, decision.priority, week.state.sequence)
            week.waiting[decision.assessment_id] = waiting
        if before is not None:
            return "the case was decided before"
        if week.closed:
            return "it arrived after the week had closed"
        return "" if outcome == decision.outcome else f"its priority and the threshold say {outcome}"

    def _still_waits(self, assessment_id: UUID) -> bool:
        """Whether an open case waited in a week of this theme that is over; it waits there no more."""
        return any(week.closed and week.waiting.pop(assessment_id, None) for week in self.weeks.values())

    def _add(self, week: _Week, decision: Decision) -> str:
        why = "" if week.is_next(decision.assessment_id) else "another case that waited has a lower priority"
        if decision.outcome == Outcome.FILLED and (week.closed or week.state.wanting < 1):
            why = why or "the week wanted nothing more"
        if decision.outcome == Outcome.REPLACEMENT:
            why = why or ("" if self.owed else "no case had been given back")
            self.owed -= 1
        week.waiting.pop(decision.assessment_id, None)
        week.state = week.state.add()
        if week.state.limit is not None and week.state.done > week.state.limit:
            why = why or "the target was passed"
        return why

    def _count(self, decision: Decision) -> None:
        self.decided[decision.assessment_id] = decision.outcome
        self.proof.drawn.discard(decision.assessment_id)
        self.proof.by_hand.discard(decision.assessment_id)
        if decision.outcome in IN_SAMPLE:
            self.proof.draws += 1
            self.proof.drawn.add(decision.assessment_id)
        elif decision.outcome == Outcome.BY_HAND:
            self.proof.hands += 1
            self.proof.by_hand.add(decision.assessment_id)

    def _close(self, event: ThemeWeekClosed) -> None:
        week = self.weeks.get(event.week)
        if week is None or week.closed:
            self._wrong(event.week, "closed without having been open")
            return
        week.closed = True
        week.state = week.state.having(self.done)
        if week.state.wanting and week.waiting:
            self._wrong(event.week, f"closed with {week.state.wanting} wanted while {len(week.waiting)} waited")
        said = (event.arrivals, event.drawn, event.weight, event.capped)
        if said != (week.state.arrivals, week.state.drawn, week.state.weight, week.state.capped):
            self._wrong(event.week, "its close states other counts than its decisions add up to")


def prove(events: Iterable[DrawEvent], seed: bytes) -> Proof:
    """Replay a programme's draw events, each theme's in the order of their versions."""
    proof = Proof()
    decided: dict[UUID, str] = {}
    themes: dict[str, _Theme] = {}
    for event in events:
        theme = themes.setdefault(event.theme_id, _Theme(event.theme_id, seed, proof, decided))
        theme.take(event)
    return proof
