"""The outbox: events written in the transaction of their effects, for the relay to publish."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from uuid import UUID

from opentelemetry import propagate
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import raw
from shared.events import Event, Topic
from shared.messaging.live import telling
from shared.uuids import uuid_of

_COLUMNS = ("event_id", "topic", "key", "type", "version", "occurred_at", "trace", "body")
_WAKE = telling("outbox")
_SAY = (
    f"INSERT INTO outbox ({', '.join(_COLUMNS)}) SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], "  # noqa: S608 - its parts are our own
    f"$5::integer[], $6::timestamptz[], $7::text[], $8::bytea[]) RETURNING {_WAKE}"
)
FEW = 10
"""Up to so many are written and the relay woken with one walk to the server; of more, COPY is cheaper by the row."""


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
    rows = [
        (
            said_as,
            event.topic.value,
            event.key,
            event.type(),
            event.version,
            event.occurred_at,
            trace,
            event.body,
        )
        for said_as, event in zip(_fresh_ids(len(events)), events, strict=True)
    ]
    connection = await raw(session)
    if len(rows) <= FEW:
        await connection.execute(_SAY, *zip(*rows, strict=True))
        return
    await connection.execute(f"SELECT {_WAKE}")
    await connection.copy_records_to_table("outbox", columns=_COLUMNS, records=rows)


def _fresh_ids(count: int) -> Iterator[UUID]:
    """UUIDs of version 7, from one look at the system's randomness.

    They begin with the time, so that the inboxes that will hold them grow at one end of their index.
    """
    random = bytearray(os.urandom(16 * count))
    for place, byte in enumerate((time.time_ns() // 1_000_000).to_bytes(6)):
        random[place::16] = bytes([byte]) * count
    random[6::16] = random[6::16].translate(_VERSION)
    random[8::16] = random[8::16].translate(_VARIANT)
    return (uuid_of(bytes(random[start : start + 16])) for start in range(0, 16 * count, 16))


_VERSION = bytes(byte & 0x0F | 0x70 for byte in range(256))
_VARIANT = bytes(byte & 0x3F | 0x80 for byte in range(256))
"""What RFC 9562 fixes of such a UUID."""
