"""The inbox: which events a consumer has taken. Its insert is the duplicate check, in the effects' transaction."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_TAKE = text(
    "INSERT INTO inbox (consumer, event_id) SELECT :consumer, unnest(CAST(:ids AS uuid[])) "
    "ON CONFLICT DO NOTHING RETURNING event_id"
)


async def take(session: AsyncSession, consumer: str, event_ids: Sequence[UUID]) -> set[UUID]:
    """Mark the events as taken; the ids that were not taken before.

    Sorted, so that two consumers that hold the same batch across a rebalance cannot deadlock.
    """
    if not event_ids:
        return set()
    ids = sorted(set(event_ids), key=_BYTES)
    rows = await session.execute(_TAKE, {"consumer": consumer, "ids": ids})
    return set(rows.scalars())


_BYTES = attrgetter("bytes")
