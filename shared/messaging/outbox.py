"""The outbox: events written in the transaction of their effects, for the relay to publish."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from opentelemetry import propagate
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.events import Event, Topic
from shared.messaging.codec import encode_body

_STORE = text(
    "INSERT INTO outbox (event_id, topic, key, type, version, occurred_at, trace, body) "
    "SELECT unnest(CAST(:ids AS uuid[])), unnest(CAST(:topics AS text[])), unnest(CAST(:keys AS text[])), "
    "unnest(CAST(:types AS text[])), unnest(CAST(:versions AS integer[])), "
    "unnest(CAST(:times AS timestamptz[])), CAST(:trace AS text), unnest(CAST(:bodies AS bytea[]))"
)
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
    await session.execute(
        _STORE,
        {
            "ids": [uuid4() for _ in events],
            "topics": [event.topic.value for event in events],
            "keys": [event.key for event in events],
            "types": [event.type() for event in events],
            "versions": [event.version for event in events],
            "times": [event.occurred_at for event in events],
            "trace": carrier.get("traceparent"),
            "bodies": [encode_body(event) for event in events],
        },
    )
    await session.execute(_WAKE)
