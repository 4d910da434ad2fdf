"""The relay: the only place that publishes. It moves a service's outbox to Kafka, in order for each key.

It reads what remains, never "after the last id": a row that commits late would be skipped. One replica leads, by a
lease; its deletes carry the lease's epoch, so that a leader that was stopped and wakes can only duplicate, which
inboxes absorb. Each partition has at most one unacknowledged batch, so a refused batch lets nothing overtake it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from struct import iter_unpack
from typing import Any

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    CorruptRecordException,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
)
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db import column, driver
from shared.messaging import metrics
from shared.messaging.codec import encode_headers
from shared.messaging.lease import Lease, LeaseLostError
from shared.messaging.live import Listener

log = structlog.get_logger()

ROUND = 4000
"""Rows read at a time."""
BATCH_BYTES = 512 * 1024
POLL_SECONDS = 1.0
RENEW_SECONDS = 1.0
"""A lease of five seconds is renewed when it is this old: work itself then costs no write of its own."""
MEASURE_SECONDS = 5.0
BACKOFF_SECONDS = (0.1, 5.0)
TOPIC_SECONDS = 2.0
"""Kafka tells of a topic at once, where it answers at all."""
MISSING_SECONDS = 10.0
"""Until a topic that was not there is looked for again."""
LEASE = "relay"
REFUSALS = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    InvalidTimestampError,
    CorruptRecordException,
    PolicyViolationError,
)
"""Kafka will not have what the batch holds, however often it is sent. Any other error is about the world."""

Rows = Sequence[asyncpg.Record]
Lane = tuple[str, int]
"""A topic and its partition."""

_READ = (
    "SELECT id, event_id, topic, key, type, version, occurred_at, trace, body FROM outbox AS waiting "
    "WHERE topic <> ALL($1::text[]) "
    "AND NOT EXISTS (SELECT 1 FROM outbox AS stuck WHERE stuck.stuck AND stuck.topic = waiting.topic "
    "AND stuck.key = waiting.key) ORDER BY id LIMIT $2"
)
_DELETE = (
    "WITH gone AS (DELETE FROM outbox WHERE id = ANY(string_to_array($1, chr(31))::bigint[]) "
    "AND EXISTS (SELECT FROM lease WHERE name = $2 AND holder = $3 AND epoch = $4) RETURNING 1) "
    "SELECT count(*) FROM gone"
)
_STICK = text("UPDATE outbox SET stuck = true WHERE id = :id")
_STATE = text(
    "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(stored_at)), 0)::float8, "
    "count(*) FILTER (WHERE stuck) FROM outbox"
)


class BatchRefusedError(Exception):
    """Kafka refused a batch for good. Its producer is spent: the next batch of the partition would be out of order."""


@lru_cache(maxsize=4096)
def partition_of(key: str, partitions: int) -> int:
    """The partition that Kafka's default partitioner would choose, pinned by a test."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """The hash of Kafka's default partitioner. The client's own takes byte by byte, and shows in a profile."""
    length = len(data)
    whole = length & ~3
    hashed = 0x9747B28C ^ length
    for (word,) in iter_unpack("<I", data[:whole]):
        mixed = word * MULTIPLIER & MASK
        mixed = (mixed ^ mixed >> 24) * MULTIPLIER & MASK
        hashed = hashed * MULTIPLIER & MASK ^ mixed
    if whole < length:
        hashed = (hashed ^ int.from_bytes(data[whole:], "little")) * MULTIPLIER & MASK
    hashed = (hashed ^ hashed >> 13) * MULTIPLIER & MASK
    return hashed ^ hashed >> 15


MULTIPLIER = 0x5BD1E995
MASK = 0xFFFFFFFF


@dataclass
class Relay:
    """One replica's part in publishing a service's outbox."""

    service: str
    engine: AsyncEngine
    bootstrap: str
    source: str
    live: Listener

    def __post_init__(self) -> None:
        self.lease = Lease(self.engine, LEASE)
        self._wake = asyncio.Event()
        self._failures = 0
        self._epoch: int | None = None
        self._renewed_at = float("-inf")
        self._measured_at = float("-inf")
        self._most: dict[Lane, int] = {}
        self._missing_until: dict[str, float] = {}

    async def run(self) -> None:
        """Publish until cancelled, whatever is down meanwhile."""
        listening = asyncio.create_task(self._listen())
        try:
            while True:
                await self._lead()
        finally:
            listening.cancel()

    async def _listen(self) -> None:
        async for _ in self.live.subscribe("outbox"):
            self._wake.set()

    async def _lead(self) -> None:
        """Publish with one producer until something fails, then wait a little longer each time."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap,
            enable_idempotence=True,
            acks="all",
            linger_ms=0,
            max_batch_size=BATCH_BYTES,
            max_request_size=2 * BATCH_BYTES,
        )
        try:
            await producer.start()
            async with connected(self.engine) as database:
                while True:
                    await self._turn(producer, database)
                    self._failures = 0
        except (BatchRefusedError, LeaseLostError) as error:
            log.warning("relay_begins_again", service=self.service, reason=type(error).__name__)
        except Exception as error:
            self._failures += 1
            log.warning("relay_waits", service=self.service, attempt=self._failures, reason=type(error).__name__)
            await asyncio.sleep(_backoff(self._failures))
        finally:
            self._renewed_at = float("-inf")
            await _close(producer)

    async def _turn(self, producer: AIOKafkaProducer, database: asyncpg.Connection) -> None:
        """One round if this replica leads; then wait for news, unless more is waiting already."""
        self._wake.clear()
        epoch = await self._renewed()
        await self._measure()
        if epoch is None:
            # Not woken by news: every replica would fight for the lease's row whenever something is said
            await asyncio.sleep(POLL_SECONDS)
        elif not await self._round(producer, database, epoch):
            await _wait(self._wake, POLL_SECONDS)

    async def _renewed(self) -> int | None:
        if self._epoch is None or time.monotonic() - self._renewed_at > RENEW_SECONDS:
            began = time.monotonic()
            self._epoch = await self.lease.renew()
            self._renewed_at = began
        return self._epoch

    async def _round(self, producer: AIOKafkaProducer, database: asyncpg.Connection, epoch: int) -> bool:
        """Publish what is waiting, as far as one round goes; whether there may be more."""
        rows = await database.fetch(_READ, self._missing(), ROUND)
        lanes = await self._lanes(producer, rows)
        while lanes:
            if await self._renewed() != epoch:
                raise LeaseLostError(LEASE)
            await self._publish(producer, database, lanes, epoch)
        return len(rows) == ROUND

    def _missing(self) -> list[str]:
        """The topics that were not there a short while ago: they hold back no other."""
        now = time.monotonic()
        return [topic for topic, until in self._missing_until.items() if now < until]

    async def _lanes(self, producer: AIOKafkaProducer, rows: Rows) -> dict[Lane, deque[asyncpg.Record]]:
        """The rows of each partition, in order, without those of topics that are missing."""
        partitions = {topic: await self._partitions(producer, topic) for topic in {row["topic"] for row in rows}}
        lanes: dict[Lane, deque[asyncpg.Record]] = defaultdict(deque)
        for row in rows:
            topic = row["topic"]
            if partitions[topic]:
                lanes[topic, partition_of(row["key"], partitions[topic])].append(row)
        return lanes

    async def _partitions(self, producer: AIOKafkaProducer, topic: str) -> int:
        try:
            return len(await asyncio.wait_for(producer.partitions_for(topic), TOPIC_SECONDS))
        except TimeoutError:
            self._missing_until[topic] = time.monotonic() + MISSING_SECONDS
            log.error("topic_missing", service=self.service, topic=topic)
            return 0

    async def _publish(
        self,
        producer: AIOKafkaProducer,
        database: asyncpg.Connection,
        lanes: dict[Lane, deque[asyncpg.Record]],
        epoch: int,
    ) -> None:
        """Send one batch to each partition, wait for all, and delete what was acknowledged."""
        taken = {lane: self._batch(producer, lane, waiting) for lane, waiting in lanes.items()}
        outcomes = await asyncio.gather(
            *(_send(producer, lane, batch) for lane, (batch, _) in taken.items()), return_exceptions=True
        )
        failures = {
            lane: outcome for lane, outcome in zip(taken, outcomes, strict=True) if isinstance(outcome, BaseException)
        }
        sent = [row for lane, (_, rows) in taken.items() if lane not in failures for row in rows]
        await self._delete(database, sent, epoch)
        for lane, (_, rows) in taken.items():
            await self._conclude(lane, rows, failures.get(lane))
        for failure in failures.values():
            if isinstance(failure, REFUSALS):
                raise BatchRefusedError from failure
            raise failure
        for lane in [lane for lane, waiting in lanes.items() if not waiting]:
            del lanes[lane]
            self._most.pop(lane, None)

    def _batch(self, producer: AIOKafkaProducer, lane: Lane, waiting: deque[asyncpg.Record]) -> tuple[Any, Rows]:
        """Take rows from the front while they fit. The first always fits, for a row has a limit of its own."""
        batch = producer.create_batch()
        most = self._most.get(lane, ROUND)
        rows: list[asyncpg.Record] = []
        while waiting and len(rows) < most and self._append(batch, waiting[0]):
            rows.append(waiting.popleft())
        batch.close()
        return batch, rows

    def _append(self, batch: Any, row: asyncpg.Record) -> bool:
        _, event_id, _, key, kind, version, occurred_at, trace, body = row
        headers = encode_headers(
            event_id=event_id,
            source=self.source,
            kind=kind,
            occurred_at=occurred_at,
            key=key,
            version=version,
            trace=trace,
        )
        return batch.append(key=key.encode(), value=body, timestamp=None, headers=headers) is not None

    async def _conclude(self, lane: Lane, rows: Rows, failure: BaseException | None) -> None:
        """After a refusal the partition gets batches of half the size, until the row that is refused stands alone.

        Its key is stopped then, and no other.
        """
        if not isinstance(failure, REFUSALS):
            return
        if len(rows) > 1:
            self._most[lane] = len(rows) // 2
            return
        self._most.pop(lane, None)
        (row,) = rows
        async with self.engine.begin() as connection:
            await connection.execute(_STICK, {"id": row["id"]})
        log.error("outbox_key_stuck", topic=row["topic"], outbox_id=row["id"], reason=type(failure).__name__)

    async def _delete(self, database: asyncpg.Connection, rows: Rows, epoch: int) -> None:
        if not rows:
            return
        ids = column(row["id"] for row in rows)
        if not await database.fetchval(_DELETE, ids, LEASE, self.lease.holder, epoch):
            raise LeaseLostError(LEASE)
        metrics.PUBLISHED.labels(self.service).inc(len(rows))

    async def _measure(self) -> None:
        if time.monotonic() - self._measured_at < MEASURE_SECONDS:
            return
        self._measured_at = time.monotonic()
        async with self.engine.connect() as connection:
            rows, age, stuck = (await connection.execute(_STATE)).one()
        metrics.OUTBOX_ROWS.labels(self.service).set(rows)
        metrics.OUTBOX_OLDEST_AGE.labels(self.service).set(age)
        metrics.OUTBOX_STUCK.labels(self.service).set(stuck)


@asynccontextmanager
async def connected(engine: AsyncEngine) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the relay's own, on which a commit does not wait for the disk; no other use gets it afterwards.

    Only deletes go over it. What a crash of PostgreSQL brings back is a tail of them, and is published again in order,
    as after a crash of the relay.
    """
    async with engine.connect() as connection:
        database = await driver(connection)
        try:
            await database.execute("SET synchronous_commit = off")
            yield database
        finally:
            await connection.invalidate()


async def _send(producer: AIOKafkaProducer, lane: Lane, batch: Any) -> None:
    topic, partition = lane
    await (await producer.send_batch(batch, topic, partition=partition))


async def _wait(news: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(news.wait(), seconds)
    except TimeoutError:
        return


def _backoff(failures: int) -> float:
    shortest, longest = BACKOFF_SECONDS
    return random.uniform(0.5, 1.0) * min(longest, shortest * 2.0 ** min(failures, 10))  # noqa: S311


async def _close(producer: AIOKafkaProducer) -> None:
    try:
        await asyncio.wait_for(producer.stop(), 5)
    except (KafkaError, OSError, TimeoutError) as error:
        log.warning("producer_not_closed", reason=type(error).__name__)
