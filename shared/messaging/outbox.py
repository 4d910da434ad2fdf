"""The outbox: events written in the transaction of their effects, for the relay to publish."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from uuid import UUID

from asyncpg.pgproto import pgproto
from opentelemetry import propagate
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import copy
from shared.events import Event, Topic
from shared.messaging.codec import encode_body

_COLUMNS = ("event_id", "topic", "key", "type", "version", "occurred_at", "trace", "body")
_WAKE = text("SELECT pg_notify('caseloop_' || current_schema() || '_outbox', '')")


async def store(session: AsyncSession, events: Sequence[Event]) -> None:
    """Write events, in order, to be published after the commit. One that is too large fails the transaction."""
    if not events:
        return
    local = [event.type() for event in events if event.topic == Topic.LOCAL]
    if local:
        raise ValueError(f"{local[0]} does not travel")
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    trace = carrier.get("traceparent")
    await session.execute(_WAKE)
    rows = [
        (
            said_as,
            event.topic.value,
            event.key,
            event.type(),
            event.version,
            event.occurred_at,
            trace,
            encode_body(event),
        )
        for said_as, event in zip(_fresh_ids(len(events)), events, strict=True)
    ]
    await copy(session, "outbox", _COLUMNS, rows)


def _fresh_ids(count: int) -> Iterator[UUID]:
    """Random ids, from one look at the system's randomness."""
    random = os.urandom(16 * count)
    return (pgproto.UUID(_as_version_4(random[start : start + 16])) for start in range(0, 16 * count, 16))


def _as_version_4(random: bytes) -> bytes:
    return b"%b%c%b%c%b" % (random[:6], random[6] & 0x0F | 0x40, random[7:8], random[8] & 0x3F | 0x80, random[9:])
