"""The inbox: which events a consumer has taken. Its insert is the duplicate check, in the effects' transaction."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import column

_TAKE = (
    "WITH asked AS MATERIALIZED (SELECT unnest(string_to_array($2, chr(31))::uuid[]) AS event_id), "
    "fresh AS (INSERT INTO inbox (consumer, event_id) SELECT $1, event_id FROM asked "
    "ON CONFLICT DO NOTHING RETURNING event_id) "
    "SELECT event_id FROM asked EXCEPT ALL SELECT event_id FROM fresh"
)
"""Tells those that were there already: hardly any, where all that are new would be a row for every event."""


async def take(session: AsyncSession, consumer: str, event_ids: Sequence[UUID]) -> set[UUID]:
    """Mark the events as taken; the ids that were not taken before.

    Sorted, so that two consumers that hold the same batch across a rebalance cannot deadlock.
    """
    if not event_ids:
        return set()
    ids = set(event_ids)
    # By SQLAlchemy, which begins the transaction with it: of a topic from outside it is the first statement
    connection = await session.connection()
    taken = await connection.exec_driver_sql(_TAKE, (consumer, column(sorted(ids, key=_BYTES))))
    return ids.difference(taken.scalars())


_BYTES = attrgetter("bytes")
