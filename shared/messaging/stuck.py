"""Events that Kafka would not have, whatever is tried: each waits in the outbox and holds back its key.

Somebody mends the cause (a topic's size limit, a policy) and lets it go again, or gives it up. What is given up is kept
as a settled dead letter of the relay: whole, but for words and links that may need erasing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid5

import structlog
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shared.messaging.codec import encode_headers
from shared.messaging.dead_letters import DISMISSED, ERASABLE, NAMESPACE
from shared.messaging.live import notify
from shared.messaging.tables import DEAD_LETTER, OUTBOX

log = structlog.get_logger()

RELAY = "relay"
"""What a letter is called that the relay could not publish."""

_STUCK = text(
    "SELECT id, topic, key, type, version, occurred_at, (SELECT count(*) FROM outbox AS behind "
    "WHERE behind.topic = stuck.topic AND behind.key = stuck.key AND behind.id > stuck.id) AS waiting "
    "FROM outbox AS stuck WHERE stuck ORDER BY id"
)
_RETRY = text("UPDATE outbox SET stuck = false WHERE id = :id AND stuck RETURNING topic")


@dataclass(frozen=True, slots=True)
class Stuck:
    """One event that is stuck, without its values; `waiting` events of its key stand behind it."""

    id: int
    topic: str
    key: str
    type: str
    version: int
    occurred_at: datetime
    waiting: int


async def stuck_events(session: AsyncSession) -> list[Stuck]:
    """Every one, oldest first."""
    return [Stuck(**row._mapping) for row in await session.execute(_STUCK)]


async def retry(session: AsyncSession, outbox_id: int) -> bool:
    """Let the relay try it again, and what waits behind it; false where no such event is stuck."""
    topic = (await session.execute(_RETRY, {"id": outbox_id})).scalar()
    if topic is None:
        return False
    await notify(session, "outbox")
    log.warning("outbox_key_retried", topic=topic, outbox_id=outbox_id)
    return True


async def give_up(session: AsyncSession, outbox_id: int, source: str, by: str, why: str) -> bool:
    """Keep it as a settled letter instead of publishing it, and let what waits behind it go; false where none is."""
    taken = await session.execute(OUTBOX.delete().where(OUTBOX.c.id == outbox_id, OUTBOX.c.stuck).returning(*OUTBOX.c))
    row = taken.first()
    if row is None:
        return False
    headers = encode_headers(
        event_id=row.event_id,
        source=source,
        kind=row.type,
        occurred_at=row.occurred_at,
        key=row.key,
        version=row.version,
        trace=row.trace,
    )
    letter = {
        "id": uuid5(NAMESPACE, f"{RELAY}/{row.event_id}"),
        "consumer": RELAY,
        "topic": row.topic,
        # It never got a place in Kafka
        "partition": -1,
        "offset": row.id,
        "key": row.key,
        "reason": "refused",
        "place": "kafka",
        "headers": [[name, None if value is None else value.decode("latin-1")] for name, value in headers],
        "value": None if row.topic in ERASABLE else row.body,
        "settled_at": text("clock_timestamp()"),
        "settled_by": by,
        "settled_how": DISMISSED,
        "settled_why": why,
    }
    await session.execute(insert(DEAD_LETTER).values(letter))
    await notify(session, "outbox")
    log.warning("outbox_event_given_up", topic=row.topic, outbox_id=outbox_id)
    return True
