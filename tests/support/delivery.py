"""Runs events through a service's real consumers without Kafka: decode, inbox, handler, outbox, commit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from uuid import UUID, uuid4

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db import sessions
from shared.events import EVENTS, DayOpened, Event
from shared.messaging import Consumer, EventRouter, outbox
from shared.messaging.codec import StoredRecord, encode_headers
from shared.messaging.tables import OUTBOX

_offsets = count()


def record_of(event: Event, event_id: UUID | None = None, offset: int | None = None) -> StoredRecord:
    """The event as Kafka would hold it."""
    headers = encode_headers(
        event_id=event_id or uuid4(),
        source="caseloop/999/test",
        kind=event.type(),
        occurred_at=event.occurred_at,
        key=event.key,
        version=event.version,
        trace=None,
    )
    place = next(_offsets) if offset is None else offset
    return StoredRecord(event.topic.value, 0, place, event.key.encode(), event.body, headers)


async def deliver(engine: AsyncEngine, router: EventRouter, *events: Event) -> list[Event]:
    """Deliver events, each batch of one topic in order; what this put into the outbox, in order."""
    return await deliver_records(engine, router, [record_of(event) for event in events])


async def deliver_records(engine: AsyncEngine, router: EventRouter, records: Sequence[StoredRecord]) -> list[Event]:
    """Deliver records as they are: duplicates, poison and all."""
    last = await last_outbox_id(engine)
    for subscription in router.subscriptions:
        batch = [record for record in records if record.topic == subscription.topic.value]
        if batch:
            await Consumer(subscription, engine).take(batch)
    return await said(engine, after=last)


async def open_day(engine: AsyncEngine, router: EventRouter, opened: DayOpened) -> list[Event]:
    """Let a day begin; what this put into the outbox, in order."""
    last = await last_outbox_id(engine)
    async with sessions(engine)() as session, session.begin():
        for handler in router.days:
            await outbox.store(session, await handler(opened, session))
    return await said(engine, after=last)


async def said(engine: AsyncEngine, *, after: int = 0) -> list[Event]:
    """The events that stand in the outbox after this row, in order."""
    async with engine.connect() as connection:
        rows = (await connection.execute(OUTBOX.select().where(OUTBOX.c.id > after).order_by(OUTBOX.c.id))).all()
    return [_event(row.type, row.key, row.body, row.occurred_at.isoformat(), row.version) for row in rows]


async def last_outbox_id(engine: AsyncEngine) -> int:
    """Where the outbox ends now; 0 when it is empty."""
    async with engine.connect() as connection:
        rows = await connection.execute(OUTBOX.select().order_by(OUTBOX.c.id.desc()).limit(1))
        last = rows.first()
    return int(last.id) if last else 0


def _event(kind: str, key: str, body: bytes | None, occurred_at: str, version: int) -> Event:
    event = EVENTS[kind]
    if body is not None:
        return msgspec.json.decode(body, type=event)
    field = next(name for name in event.__struct_fields__ if name not in Event.__struct_fields__)
    return msgspec.convert({field: key, "occurred_at": occurred_at, "version": version}, event)
