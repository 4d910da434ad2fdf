"""Events through the real consumer path, without Kafka: decoded, taken once, handled, their answers in the outbox."""

from collections.abc import Sequence
from itertools import count
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from services.remedial.handlers import router
from shared.access import people
from shared.db import sessions
from shared.events import EVENTS, Event, PersonRecorded, TeamRecorded, Topic
from shared.messaging.codec import StoredRecord, encode_body, encode_headers
from shared.messaging.consumer import Consumer
from shared.messaging.tables import OUTBOX

_OFFSETS = count()


async def know(engine: AsyncEngine, *recorded: PersonRecorded | TeamRecorded) -> None:
    """Put people and teams into the service's copy."""
    async with sessions(engine)() as session, session.begin():
        await people.record_people(recorded, session)


def record_of(event: Event, event_id: UUID) -> StoredRecord:
    """The event as Kafka would hand it over."""
    headers = encode_headers(
        event_id=event_id,
        source="test",
        kind=event.type(),
        occurred_at=event.occurred_at,
        key=event.key,
        version=event.version,
        trace=None,
    )
    return StoredRecord(event.topic, 0, next(_OFFSETS), event.key.encode(), encode_body(event), headers)


async def deliver(engine: AsyncEngine, *events: Event, ids: Sequence[UUID] = ()) -> list[Event]:
    """Hand events of one topic to the service as one batch; what it said, which leaves the outbox."""
    topic = {event.topic for event in events}
    records = [record_of(event, ids[place] if ids else uuid4()) for place, event in enumerate(events)]
    for subscription in router.subscriptions:
        if {subscription.topic} == topic:
            await Consumer(subscription, engine).take(records)
    async with engine.begin() as connection:
        assert (await connection.execute(sa.text("SELECT count(*) FROM dead_letter"))).scalar_one() == 0
    return await said(engine)


async def said(engine: AsyncEngine) -> list[Event]:
    """What waits in the outbox, in order; it is empty afterwards."""
    async with engine.begin() as connection:
        rows = (await connection.execute(sa.select(OUTBOX).order_by(OUTBOX.c.id))).all()
        await connection.execute(sa.delete(OUTBOX))
    return [_event(row.type, row.body) for row in rows]


def _event(kind: str, body: bytes | None) -> Event:
    assert EVENTS[kind].topic is not Topic.LOCAL
    assert body is not None
    return EVENTS[kind].model_validate_json(body)
