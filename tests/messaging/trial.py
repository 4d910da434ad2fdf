"""A consumer of our own for the violent trials: it writes one row for each event, with nothing to stop a second."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast
from uuid import NAMESPACE_DNS, UUID, uuid5

from aiokafka import AIOKafkaProducer
from faststream.kafka import KafkaBroker
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from shared.events import Event, FeedReceived, FeedResumed, Topic
from shared.messaging import Consumer, Subscription
from shared.messaging.broker import MAX_POLL_INTERVAL_MS, keep_started, stop, subscribe
from shared.messaging.codec import Headers, StoredRecord, encode_headers
from shared.messaging.consumer import TIME_LIMIT_SECONDS, Handler
from shared.messaging.tables import METADATA

NAME = "trial"
BEGAN = datetime(2026, 11, 24, 10, tzinfo=UTC)
EFFECT = text(
    "INSERT INTO effect (sender, number) "
    "SELECT * FROM unnest(CAST(:senders AS text[]), CAST(:numbers AS integer[])) AS told(sender, number)"
)


def told(sender: str, number: int) -> FeedReceived:
    """The event that stands for one number of one sender."""
    return FeedReceived(
        occurred_at=BEGAN, sender=sender, version=number + 1, accepted=number, duplicate=0, quarantined=0
    )


def identity(sender: str, number: int) -> UUID:
    """Its identity, the same however often it is sent."""
    return uuid5(NAMESPACE_DNS, f"{sender}/{number}")


def headers_of(sender: str, number: int) -> Headers:
    """Its CloudEvents attributes."""
    return encode_headers(
        event_id=identity(sender, number),
        source="caseloop/999/trial",
        kind="FeedReceived",
        occurred_at=BEGAN,
        key=sender,
        version=number + 1,
        trace=None,
    )


def record(sender: str, number: int, *, value: bytes | None = None) -> StoredRecord:
    """It as Kafka would hold it; with another body where one is given."""
    body = told(sender, number).body if value is None else value
    return StoredRecord(NAME, 0, number, sender.encode(), body, headers_of(sender, number))


async def note(events: Sequence[FeedReceived], session: AsyncSession) -> list[Event]:
    """The handler: a row and an event for each."""
    await session.execute(
        EFFECT, {"senders": [event.sender for event in events], "numbers": [event.accepted for event in events]}
    )
    return [FeedResumed(occurred_at=BEGAN, sender=event.sender, version=event.version) for event in events]


@dataclass
class Trial:
    """A database with the messaging's tables and one for the effects."""

    engine: AsyncEngine
    url: str

    async def prepare(self) -> None:
        """Create the tables."""
        async with self.engine.begin() as connection:
            await connection.run_sync(METADATA.create_all)
            await connection.execute(text("CREATE TABLE effect (id serial PRIMARY KEY, sender text, number integer)"))

    async def begin_again(self) -> None:
        """Forget everything."""
        tables = ", ".join(["effect", *METADATA.tables])
        async with self.engine.begin() as connection:
            await connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))

    async def effects(self) -> list[tuple[str, int]]:
        """Sender and number of every effect, in the order in which they were written."""
        async with self.engine.connect() as connection:
            rows = await connection.execute(text("SELECT sender, number FROM effect ORDER BY id"))
            return [(row.sender, row.number) for row in rows]

    async def numbers(self, sender: str) -> list[int]:
        """The numbers of one sender, in the order in which they had their effect."""
        return [number for each, number in await self.effects() if each == sender]

    async def count(self, table: str) -> int:
        """How many rows a table has."""
        async with self.engine.connect() as connection:
            return int((await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())

    async def letter(self) -> UUID:
        """The id of the one open dead letter."""
        async with self.engine.connect() as connection:
            rows = await connection.execute(text("SELECT id FROM dead_letter WHERE settled_at IS NULL"))
            return cast(UUID, rows.scalars().one())


def subscription(handler: Handler = note, *, topic: str = NAME) -> Subscription:
    """What the trial's consumer listens for, on a topic of the test's own."""
    name = cast(Topic, SimpleNamespace(value=topic))
    return Subscription(name, f"{NAME}:{topic}", (FeedReceived,), handler)


def consumer(trial: Trial, handler: Handler = note, *, time_limit: float = TIME_LIMIT_SECONDS) -> Consumer:
    """The trial's consumer, without Kafka."""
    return Consumer(subscription(handler), trial.engine, time_limit=time_limit)


@asynccontextmanager
async def replica(
    trial: Trial,
    bootstrap: str,
    topic: str,
    handler: Handler = note,
    *,
    max_poll_interval_ms: int = MAX_POLL_INTERVAL_MS,
    time_limit: float = TIME_LIMIT_SECONDS,
) -> AsyncIterator[tuple[KafkaBroker, Consumer]]:
    """One replica of the trial's consumer at work on Kafka."""
    broker = KafkaBroker(bootstrap, logger=None, apply_types=False, consumer_only=True, graceful_timeout=1.0)
    taking = Consumer(subscription(handler, topic=topic), trial.engine, time_limit=time_limit)
    subscribe(broker, taking, max_poll_interval_ms)
    started = asyncio.Event()
    starting = asyncio.create_task(keep_started(broker, started))
    try:
        await started.wait()
        yield broker, taking
    finally:
        starting.cancel()
        await stop(broker)


async def publish(bootstrap: str, topic: str, records: Iterable[tuple[str, int]]) -> None:
    """Send these senders' numbers, in order."""
    await publish_raw(bootstrap, topic, [record(sender, number) for sender, number in records])


async def publish_raw(bootstrap: str, topic: str, records: Iterable[StoredRecord]) -> None:
    """Send records as they are."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, max_request_size=4 * 1024 * 1024) as producer:
        sent = [await producer.send(topic, value=one.value, key=one.key, headers=list(one.headers)) for one in records]
        await asyncio.gather(*sent)


def each_once(effects: Iterable[tuple[str, int]], sent: Iterable[tuple[str, int]]) -> None:
    """The oracle: what was sent had its effect, and nothing had it twice. Sets of keys, not counts."""
    seen = Counter(effects)
    assert set(seen) == set(sent)
    assert [key for key, times in seen.items() if times > 1] == []


def in_order(effects: Iterable[tuple[str, int]]) -> None:
    """The oracle: each sender's numbers took effect in the order in which they were sent."""
    last: dict[str, int] = {}
    for sender, number in effects:
        assert number > last.get(sender, -1), f"{sender}: {number} after {last[sender]}"
        last[sender] = number
