"""Events told to reporting through its real consumers, without Kafka: decoded, taken once, folded, committed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from itertools import count, groupby
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting.handlers import router
from shared.events import Event, Grade, ProgrammeOpened, Theme
from shared.messaging.codec import StoredRecord, encode_headers
from shared.messaging.consumer import Consumer
from tests.unit.reporting.histories import MORNING, PROGRAMME

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)

_OFFSETS = count()


def the_programme(version: int = 1) -> ProgrammeOpened:
    """The programme that the histories are about."""
    return ProgrammeOpened(
        occurred_at=MORNING,
        version=version,
        programme_id=PROGRAMME,
        name="Twelve weeks in winter",
        council="999",
        opens_on=date(2026, 11, 2),
        closes_on=date(2027, 1, 24),
        themes=(
            Theme(theme_id="neglect", name="Neglect", target=105),
            Theme(theme_id="risk", name="Risk", target=65),
        ),
        scale=(Grade(code="green", name="Green", rank=0, rag="green"),),
    )


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
    return StoredRecord(event.topic, 0, next(_OFFSETS), event.key.encode(), event.body, headers)


async def tell(engine: AsyncEngine, events: Iterable[Event], ids: Sequence[UUID] = ()) -> None:
    """Hand the events over in their order, those of one topic that follow each other as one batch."""
    numbered = [(event, ids[place] if ids else uuid4()) for place, event in enumerate(events)]
    consumers = {subscription.topic: subscription for subscription in router.subscriptions}
    for topic, batch in groupby(numbered, key=lambda pair: pair[0].topic):
        records = [record_of(event, event_id) for event, event_id in batch]
        await Consumer(consumers[topic], engine).take(records)
    async with engine.begin() as connection:
        letters = (await connection.execute(sa.text("SELECT reason, place FROM dead_letter"))).all()
    assert letters == []
