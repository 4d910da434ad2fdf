"""The floor: the least that a stage could do, with nothing of ours. aiokafka, msgspec, one statement, produce."""

from __future__ import annotations

import time
from collections import defaultdict
from uuid import UUID

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from shared.events import Topic
from tests.bench.watch import Took, Watch

BATCH = 500
OUT = "bench.floor.out"

TABLE = "CREATE TABLE IF NOT EXISTS floor (id uuid PRIMARY KEY, child text, started_on text, worker text, body bytea)"
STORE = (
    "INSERT INTO floor SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[]) "
    "ON CONFLICT DO NOTHING RETURNING id"
)


class Assessment(msgspec.Struct):
    """What of it is needed."""

    id: str
    child: str
    council: str
    started_on: str
    authorised_on: str
    worker: str
    team: str
    factors: tuple[str, ...]


decode = msgspec.json.Decoder(Assessment).decode


async def run(bootstrap: str, database_url: str, events: int) -> Took:
    """Take so many events through, from the first batch to the last acknowledgement."""
    database = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    await database.execute(TABLE)
    consumer = AIOKafkaConsumer(
        Topic.CMS_ASSESSMENTS.value,
        bootstrap_servers=bootstrap,
        group_id=f"bench.floor.{time.time_ns()}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    async with (
        consumer,
        AIOKafkaProducer(
            bootstrap_servers=bootstrap, enable_idempotence=True, acks="all", linger_ms=0, max_batch_size=512 * 1024
        ) as producer,
    ):
        done, watch = 0, Watch()
        while done < events:
            records = [
                one for batch in (await consumer.getmany(timeout_ms=20, max_records=BATCH)).values() for one in batch
            ]
            if records:
                watch.begin()
                await _stage(records, database, producer)
                await consumer.commit()
                done += len(records)
        took = watch.took()
    await database.close()
    return took


async def _stage(records: list[ConsumerRecord], database: asyncpg.Connection, producer: AIOKafkaProducer) -> None:
    read = {UUID(dict(one.headers)["ce_id"].decode()): (decode(one.value), one) for one in records}
    stored = await database.fetch(
        STORE,
        list(read),
        [event.child for event, _ in read.values()],
        [event.started_on for event, _ in read.values()],
        [event.worker for event, _ in read.values()],
        [one.value for _, one in read.values()],
    )
    lanes: dict[int, list[ConsumerRecord]] = defaultdict(list)
    for row in stored:
        one = read[row["id"]][1]
        lanes[one.partition].append(one)
    for partition, waiting in lanes.items():
        batch = producer.create_batch()
        for one in waiting:
            batch.append(key=one.key, value=one.value, timestamp=None, headers=list(one.headers))
        batch.close()
        await producer.send_batch(batch, OUT, partition=partition)
    await producer.flush()
