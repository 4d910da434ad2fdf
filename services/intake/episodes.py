"""What stands around the work on a child: plans, periods looked after, open cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import recording
from services.intake.domain import identity
from services.intake.domain.context import Context
from services.intake.domain.ledger import Ledger, Outcome
from shared.events import Event

_KEEP = sa.text(
    "INSERT INTO episode AS known (child_id, kind, started_on, ended_on, category, said_on, road, sender_id) "
    "VALUES (:child_id, :kind, :started_on, :ended_on, :category, :said_on, :road, :sender_id) "
    "ON CONFLICT (child_id, kind, started_on) DO UPDATE SET ended_on = excluded.ended_on, "
    "category = coalesce(excluded.category, known.category), said_on = excluded.said_on, "
    "sender_id = coalesce(excluded.sender_id, known.sender_id) "
    "WHERE known.said_on <= excluded.said_on AND (known.ended_on, known.category) IS DISTINCT FROM "
    "(excluded.ended_on, coalesce(excluded.category, known.category)) RETURNING started_on"
)

_DROP = sa.text(
    "DELETE FROM episode WHERE child_id = :child_id AND kind = :kind AND road = :road AND sender_id = :sender_id "
    "AND (CAST(:purge AS boolean) OR started_on <> :started_on) RETURNING started_on"
)


async def keep(
    session: AsyncSession, keys: recording.Keys, contexts: Sequence[Context], said_on: date, at: datetime
) -> recording.Recorded:
    """Keep what was said of children's plans and periods; work that falls under them otherwise now is told anew."""
    council, key = keys
    if not contexts:
        return recording.Recorded()
    children = {context.child: identity.pseudonym(key, context.child) for context in contexts}
    await recording.lock_children(session, children.values())
    values = [_values(context, children[context.child], said_on) for context in contexts]
    outcomes = [await _keep(session, each) for each in values]
    ledger = Ledger(council, key, all_anew=True, heard_at=dict.fromkeys(children.values(), at))
    await recording.load(session, ledger, list(children.values()))
    events: list[Event] = list(ledger.settle())
    await recording.store(session, ledger)
    return recording.Recorded(list(outcomes), events)


async def _keep(session: AsyncSession, values: dict[str, object]) -> Outcome:
    """Keep one. What a sender moved or asks to delete under its own id goes first."""
    dropped = values["sender_id"] is not None and (await session.execute(_DROP, values)).first() is not None
    if values["purge"]:
        return Outcome.ACCEPTED if dropped else Outcome.DUPLICATE
    kept = (await session.execute(_KEEP, values)).first() is not None
    return Outcome.ACCEPTED if kept else Outcome.DUPLICATE


def counts(contexts: Sequence[Context]) -> Counter[str]:
    """How many rows of each kind."""
    return Counter(context.kind for context in contexts)


def _values(context: Context, child_id: UUID, said_on: date) -> dict[str, object]:
    return {
        "child_id": child_id,
        "kind": context.kind,
        "started_on": context.started_on,
        "ended_on": context.ended_on,
        "category": context.category,
        "said_on": said_on,
        "road": str(context.road),
        "sender_id": context.sender_id,
        "purge": context.purge,
    }
