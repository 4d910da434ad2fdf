"""The inbox: which events a consumer has taken. Its insert is the duplicate check, in the effects' transaction."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import column, raw

_TAKE = (
    "WITH asked AS MATERIALIZED (SELECT unnest(string_to_array($2, chr(31))::uuid[]) AS event_id), "
    "held AS MATERIALIZED (SELECT FROM dead_letter WHERE $3 AND consumer = $1 AND settled_at IS NULL LIMIT 1), "
    "fresh AS (INSERT INTO inbox (consumer, event_id) SELECT $1, event_id FROM asked "
    "WHERE NOT EXISTS (SELECT FROM held) ON CONFLICT DO NOTHING RETURNING event_id) "
    "SELECT event_id FROM asked EXCEPT ALL SELECT event_id FROM fresh UNION ALL SELECT NULL FROM held"
)
"""Tells those that were there already: hardly any, where all that are new would be a row for every event."""


async def take(session: AsyncSession, consumer: str, event_ids: Sequence[UUID]) -> set[UUID]:
    """Mark the events as taken; the ids that were not taken before.

    Sorted, so that two consumers that hold the same batch across a rebalance cannot deadlock.
    """
    ids = set(event_ids)
    return ids.difference(await _take(session, consumer, ids, unless_held=False))


async def take_unless_held(session: AsyncSession, consumer: str, event_ids: Sequence[UUID]) -> set[UUID] | None:
    """The same; none, and nothing marked, where a letter of the consumer's is open: then some events have to wait."""
    ids = set(event_ids)
    taken = await _take(session, consumer, ids, unless_held=True)
    return None if None in taken else ids.difference(taken)


async def _take(session: AsyncSession, consumer: str, ids: set[UUID], *, unless_held: bool) -> Sequence[UUID | None]:
    if not ids:
        return []
    connection = await raw(session)
    return [row[0] for row in await connection.fetch(_TAKE, consumer, column(sorted(ids, key=_BYTES)), unless_held)]


_BYTES = attrgetter("bytes")
