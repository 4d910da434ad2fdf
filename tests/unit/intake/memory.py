"""An intake whose memory is a few dictionaries: the ledger's rules, batch after batch, without a database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from msgspec import structs

from services.intake.domain.ledger import Ledger, Outcome
from services.intake.domain.refusal import Refusal
from services.intake.domain.work import Purge, Submission
from shared.events import AssessmentRecorded, AssessmentWithdrawn

KEY = b"k" * 32


@dataclass
class Memory:
    """What intake has heard, and what stands downstream after all that it told."""

    ledger: Ledger = field(default_factory=lambda: Ledger("999", KEY))
    standing: dict[UUID, AssessmentRecorded] = field(default_factory=dict)
    told: list[AssessmentRecorded | AssessmentWithdrawn] = field(default_factory=list)

    def take(self, statements: Iterable[Submission | Purge]) -> list[Outcome | Refusal]:
        """One batch (one file, where the road has no ids), in order."""
        before = self.ledger
        self.ledger = Ledger("999", KEY, works=before.works, aliases=before.aliases, plans=before.plans)
        for works in self.ledger.works.values():
            for work in works:
                work.is_new = work.is_touched = False
                work.new_aliases.clear()
        outcomes = [
            self.ledger.purge(each) if isinstance(each, Purge) else self.ledger.take(each) for each in statements
        ]
        for event in self.ledger.settle():
            self.told.append(event)
            if isinstance(event, AssessmentWithdrawn):
                self.standing.pop(event.assessment_id, None)
            else:
                self.standing[event.assessment_id] = event
        return outcomes

    def facts(self) -> set[str]:
        """Where every record stands, whatever its version, its time and the road by which it first came."""
        ignored = {"version", "occurred_at", "source", "changed"}
        return {
            repr({name: fact for name, fact in structs.asdict(event).items() if name not in ignored})
            for event in self.standing.values()
        }
