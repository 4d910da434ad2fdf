"""The outbox: events written in the transaction of their effects, for the relay to publish."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry import propagate
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.events import Event, Topic
from shared.messaging.codec import encode_body

_STORE = text(
    "INSERT INTO outbox (event_id, topic, key, type, version, occurred_at, trace, body) "
    "SELECT gen_random_uuid(), topic, key, type, version, occurred_at, CAST(:trace AS text), body "
    "FROM unnest(CAST(:topics AS text[]), CAST(:keys AS text[]), CAST(:types AS text[]), "
    "CAST(:versions AS integer[]), CAST(:times AS timestamptz[]), CAST(:bodies AS bytea[])) "
    "WITH ORDINALITY AS said(topic, key, type, version, occurred_at, body, place) ORDER BY place"
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
