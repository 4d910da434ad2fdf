"""An action in hand: its loop's row is locked, so nothing else changes it until the transaction ends.

Everything that happens to an action goes through here, whoever does it: the table of life decides, a step is added to
its timeline, the event is stamped with the loop's next version, and pages that show it are told.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypedDict
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from services.remedial import words
from services.remedial.domain.life import Move, after
from services.remedial.domain.notices import Kind
from services.remedial.models import Action, Loop, Step
from services.remedial.notices import note_action
from shared.events import Event
from shared.messaging import notify

SYSTEM = "caseloop"
"""Who acts where an event or the time does, and no person."""

LIVE = "actions"
"""The channel on which pages hear that an action changed."""


class AboutAction(TypedDict):
    """What every event about an action carries."""

    occurred_at: datetime
    version: int
    audit_id: UUID
    action_id: UUID


@dataclass
class Hand:
    """One action, its loop, who acts and when; `events` gather what is to be told."""

    session: AsyncSession
    loop: Loop
    action: Action
    by: str
    now: datetime
    events: list[Event] = field(default_factory=list)

    def about(self) -> AboutAction:
        """The stamp of the action's next event."""
        return AboutAction(
            occurred_at=self.now,
            version=self.loop.bumped(),
            audit_id=self.loop.audit_id,
            action_id=self.action.action_id,
        )

    def step(
        self, move: Move, text_id: UUID | None = None, *, due_on: date | None = None, told: str | None = None
    ) -> None:
        """Make the move and add it to the timeline. Refused where the table of life does not have it."""
        self.action.state = after(self.action.state_now, move)
        self.log(str(move), text_id, due_on=due_on, told=told)

    def log(
        self, what: str, text_id: UUID | None = None, *, due_on: date | None = None, told: str | None = None
    ) -> None:
        """Add to the timeline what happened, with the state as it is now; `told` is whom it went to, else the owner."""
        self.session.add(
            Step(
                action_id=self.action.action_id,
                move=what,
                at=self.now,
                by=self.by,
                state=self.action.state,
                text_id=text_id,
                owner_id=told or self.action.owner_id,
                due_on=due_on,
            )
        )

    async def because(self, reason: str) -> UUID | None:
        """Keep a reason under an id of its own, and say so; none is kept about a case whose words were erased."""
        if await words.are_erased(self.session, self.action.action_id):
            return None
        text_id = uuid4()
        self.events += await words.write(self.session, text_id, self.loop.audit_id, {"reason": reason}, self.now)
        return text_id

    async def note(self, kind: Kind, person_id: str | None) -> None:
        """Note that somebody should hear of this outside Caseloop; each version of the loop is an occasion."""
        await note_action(self.session, person_id, kind, self.action, self.now, occasion=str(self.loop.version))

    async def tell_pages(self) -> None:
        """Let the pages that show this action know, when the transaction commits."""
        await notify(self.session, LIVE, str(self.action.action_id))
