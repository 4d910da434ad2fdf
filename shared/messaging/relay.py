"""The relay: the only place that publishes. It moves a service's outbox to Kafka, in order for each key.

It reads what remains, never "after the last id": a row that commits late would be skipped. One replica leads, by a
lease; its deletes carry the lease's epoch, so that a leader that was stopped and wakes can only duplicate, which
inboxes absorb. Each partition has at most one unacknowledged batch, so a refused batch lets nothing overtake it.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2
from sqlalchemy import Row, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.messaging import metrics
from shared.messaging.codec import encode_headers
from shared.messaging.lease import Lease
from shared.messaging.live import Listener

log = structlog.get_logger()

ROUND = 4000
"""Rows read at a time."""
BATCH_BYTES = 512 * 1024
POLL_SECONDS = 1.0
BACKOFF_SECONDS = (0.1, 5.0)
LEASE = "relay"

_READ = text(
    "SELECT id, event_id, topic, key, type, version, occurred_at, trace, body FROM outbox AS waiting "
    "WHERE NOT EXISTS (SELECT 1 FROM outbox AS stuck WHERE stuck.stuck AND stuck.topic = waiting.topic "
    "AND stuck.key = waiting.key) ORDER BY id LIMIT :most"
)
_DELETE = text(
    "DELETE FROM outbox USING lease WHERE outbox.id = ANY(CAST(:ids AS bigint[])) "
    "AND lease.name = :lease AND lease.holder = :holder AND lease.epoch = :epoch"
)
_STICK = text("UPDATE outbox SET stuck = true WHERE id = :id")
_STATE = text(
    "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(stored_at)), 0)::float8, "
    "count(*) FILTER (WHERE stuck) FROM outbox"
)


@lru_cache(maxsize=65536)
def partition_of(key: str, partitions: int) -> int:
    """The partition that Kafka's default partitioner would choose, pinned by a test."""
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % partitions)


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
        self._stuck: set[tuple[str, str]] = set()

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
            while True:
                await self._turn(producer)
                self._failures = 0
        except (KafkaError, SQLAlchemyError, OSError) as error:
            self._failures += 1
            log.warning("relay_waits", reason=type(error).__name__)
            await asyncio.sleep(_backoff(self._failures))
        finally:
            await _close(producer)

    async def _turn(self, producer: AIOKafkaProducer) -> None:
        """One round if this replica leads; then wait for news, unless more is waiting already."""
        self._wake.clear()
        epoch = await self.lease.renew()
        full = epoch is not None and await self._round(producer, epoch)
        if not full:
            try:
                await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)
            except TimeoutError:
                await self._measure()

    async def _round(self, producer: AIOKafkaProducer, epoch: int) -> bool:
        """Publish what is waiting, as far as one round goes; whether there may be more."""
        self._stuck.clear()
        async with self.engine.connect() as connection:
            rows = (await connection.execute(_READ, {"most": ROUND})).all()
        lanes: dict[tuple[str, int], list[Row[tuple[object, ...]]]] = defaultdict(list)
        for row in rows:
            partitions = len(await producer.partitions_for(row.topic))
            lanes[row.topic, partition_of(row.key, partitions)].append(row)
        results = await asyncio.gather(
            *(self._send(producer, topic, partition, lane, epoch) for (topic, partition), lane in lanes.items()),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return len(rows) == ROUND

    async def _send(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        partition: int,
        rows: Sequence[Row[tuple[object, ...]]],
        epoch: int,
    ) -> None:
        """Publish rows to one partition, a batch after another, each deleted once it is acknowledged."""
        remaining = [row for row in rows if (topic, row.key) not in self._stuck]
        while remaining:
            batch = producer.create_batch()
            taken = self._fill(batch, remaining)
            sent, remaining = remaining[:taken], remaining[taken:]
            batch.close()
            try:
                await (await producer.send_batch(batch, topic, partition=partition))
            except KafkaError as error:
                if error.retriable:
                    raise
                await self._bisect(producer, topic, partition, sent, epoch, error)
                remaining = [row for row in remaining if (topic, row.key) not in self._stuck]
            else:
                await self._delete(sent, epoch)

    def _fill(self, batch: object, rows: Sequence[Row[tuple[object, ...]]]) -> int:
        """Append rows while they fit; how many did. The first always fits, for a row has a limit of its own."""
        for count, row in enumerate(rows):
            headers = encode_headers(
                event_id=row.event_id,
                source=self.source,
                kind=row.type,
                occurred_at=row.occurred_at,
                key=row.key,
                version=row.version,
                trace=row.trace,
            )
            appended = batch.append(key=row.key.encode(), value=row.body, timestamp=None, headers=headers)  # type: ignore[attr-defined]
            if appended is None:
                return count
        return len(rows)

    async def _bisect(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        partition: int,
        rows: Sequence[Row[tuple[object, ...]]],
        epoch: int,
        error: KafkaError,
    ) -> None:
        """A batch was refused for good: halve it until the row that is refused stands alone, and stop its key only."""
        if len(rows) == 1:
            self._stuck.add((topic, rows[0].key))
            async with self.engine.begin() as connection:
                await connection.execute(_STICK, {"id": rows[0].id})
            log.error("outbox_key_stuck", topic=topic, outbox_id=rows[0].id, reason=type(error).__name__)
            return
        middle = len(rows) // 2
        await self._send(producer, topic, partition, rows[:middle], epoch)
        await self._send(producer, topic, partition, rows[middle:], epoch)

    async def _delete(self, rows: Sequence[Row[tuple[object, ...]]], epoch: int) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(
                _DELETE,
                {"ids": [row.id for row in rows], "lease": LEASE, "holder": self.lease.holder, "epoch": epoch},
            )

    async def _measure(self) -> None:
        async with self.engine.connect() as connection:
            rows, age, stuck = (await connection.execute(_STATE)).one()
        metrics.OUTBOX_ROWS.labels(self.service).set(rows)
        metrics.OUTBOX_OLDEST_AGE.labels(self.service).set(age)
        metrics.OUTBOX_STUCK.labels(self.service).set(stuck)


def _backoff(failures: int) -> float:
    shortest, longest = BACKOFF_SECONDS
    return random.uniform(0.5, 1.0) * min(longest, shortest * 2.0 ** min(failures, 10))  # noqa: S311


async def _close(producer: AIOKafkaProducer) -> None:
    try:
        await asyncio.wait_for(producer.stop(), 5)
    except (KafkaError, OSError, TimeoutError) as error:
        log.warning("producer_not_closed", reason=type(error).__name__)
