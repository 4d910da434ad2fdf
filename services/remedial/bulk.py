"""The same move for several actions: each by its own rules and with its own trail, all in one transaction."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from fastapi import HTTPException
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial import moves, queries
from services.remedial.domain.refusal import Refused
from services.remedial.models import Action
from services.remedial.moves import By
from shared.events import Event

MOST = 100


class What(StrEnum):
    """What can be done to several at once."""

    CHASE = "chase"
    REASSIGN = "reassign"
    EXTEND = "extend"


@dataclass(frozen=True)
class Wanted:
    """What somebody wants done, and why."""

    what: What
    reason: str = ""
    owner_id: str = ""
    due_on: date | None = None


@dataclass
class Outcome:
    """What came of it: how many were done, and why others were not."""

    done: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    events: list[Event] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """In words, for the page that comes next."""
        said = [f"{self.done} done."]
        said += [f"{count} not: {why}" for why, count in self.refused.most_common(3)]
        return " ".join(said)


async def do_all(session: AsyncSession, by: By, action_ids: Sequence[UUID], wanted: Wanted) -> Outcome:
    """Do it to each that this person sees. What a rule bars is left as it was, and counted with the reason."""
    outcome = Outcome()
    # In the order of their loops, so that two people who act on the same actions cannot deadlock.
    query = sa.select(col(Action.action_id)).where(
        queries.visible(by.scope), col(Action.action_id).in_(action_ids[:MOST])
    )
    ordered = (await session.execute(query.order_by(col(Action.audit_id), col(Action.action_id)))).scalars().all()
    make = _MAKE[wanted.what]
    for action_id in ordered:
        try:
            outcome.events += await make(session, by, action_id, wanted)
            outcome.done += 1
        except Refused as no:
            outcome.refused[str(no)] += 1
        except HTTPException:
            outcome.refused["It is not yours to change."] += 1
    return outcome


async def _chase(session: AsyncSession, by: By, action_id: UUID, wanted: Wanted) -> list[Event]:
    return await moves.chase(session, by, action_id, wanted.reason)


async def _reassign(session: AsyncSession, by: By, action_id: UUID, wanted: Wanted) -> list[Event]:
    return await moves.reassign(session, by, action_id, wanted.owner_id, wanted.reason)


async def _extend(session: AsyncSession, by: By, action_id: UUID, wanted: Wanted) -> list[Event]:
    if wanted.due_on is None:
        raise Refused("Enter the new due date.", "due_on")
    return await moves.extend(session, by, action_id, wanted.due_on, wanted.reason)


_MAKE: dict[What, Callable[[AsyncSession, By, UUID, Wanted], Awaitable[list[Event]]]] = {
    What.CHASE: _chase,
    What.REASSIGN: _reassign,
    What.EXTEND: _extend,
}
