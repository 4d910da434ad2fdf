"""The relay on a real broker: order, fences and refusals. What an outbox holds arrives, each key in its order."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.partitioner import DefaultPartitioner
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from shared.db import POOL_SIZE, driver, sessions
from shared.messaging import Listener, metrics
from shared.messaging.lease import Lease, LeaseLostError
from shared.messaging.relay import LEASE, Relay, connected, partition_of
from tests.messaging.trial import BEGAN, Trial
from tests.support.backend import KafkaForTests
from tests.support.eventually import eventually

SAY = text(
    "INSERT INTO outbox (event_id, topic, key, type, version, occurred_at, body) "
    "VALUES (gen_random_uuid(), :topic, :key, 'FeedResumed', :version, :at, :body)"
)
WAKE = text("SELECT pg_notify('caseloop_' || current_schema() || '_outbox', '')")


def row(topic: str, key: str, version: int, body: bytes | None = b"{}") -> dict[str, object]:
    """One row of an outbox."""
    return {"topic": topic, "key": key, "version": version, "at": BEGAN, "body": body}


async def say(trial: Trial, *rows: dict[str, object]) -> None:
    """Put rows into the outbox, in order."""
    async with trial.engine.begin() as connection:
        await connection.execute(SAY, list(rows))
        await connection.execute(WAKE)


@asynccontextmanager
async def relaying(trial: Trial, kafka: KafkaForTests) -> AsyncIterator[Relay]:
    """One replica's relay at work."""
    live = Listener(trial.url, "audit")
    relay = Relay("audit", trial.engine, kafka.bootstrap, "caseloop/999/audit", live)
    tasks = [asyncio.create_task(live.run()), asyncio.create_task(relay.run())]
    try:
        yield relay
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def arrived(kafka: KafkaForTests, topic: str) -> list[ConsumerRecord]:
    """Everything on the topic, each partition in its order."""
    async with AIOKafkaConsumer(topic, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest") as client:
        ends = await client.end_offsets(list(client.assignment()))
        records: list[ConsumerRecord] = []
        while any([await client.position(place) < end for place, end in ends.items()]):
            for batch in (await client.getmany(timeout_ms=200)).values():
                records.extend(batch)
    return records


def versions(records: list[ConsumerRecord]) -> dict[str, list[int]]:
    """The versions of each key, in the order of their arrival, without what came twice."""
    seen: dict[str, list[int]] = defaultdict(list)
    known: set[bytes] = set()
    for one in records:
        headers = dict(one.headers)
        if headers["ce_id"] not in known:
            known.add(headers["ce_id"])
            seen[one.key.decode()].append(int(headers["version"]))
    return dict(seen)


async def empty(trial: Trial) -> None:
    assert await trial.count("outbox") == 0


async def test_each_key_arrives_in_its_order_with_two_replicas(trial: Trial, kafka: KafkaForTests) -> None:
    topic = await kafka.topic()
    async with relaying(trial, kafka), relaying(trial, kafka):
        for start in range(1, 3000, 500):
            await say(trial, *(row(topic, f"k{n % 37}", n) for n in range(start, start + 500)))
        await eventually(lambda: empty(trial), timeout=30)
    seen = versions(await arrived(kafka, topic))
    assert seen == {f"k{key}": [n for n in range(1, 3001) if n % 37 == key] for key in range(37)}


async def test_a_row_that_commits_late_is_not_skipped(trial: Trial, kafka: KafkaForTests) -> None:
    """Incident prevented: reading what follows the last id lost 79 events in a trial."""
    topic = await kafka.topic()
    async with relaying(trial, kafka):
        async with trial.engine.begin() as late:
            await late.execute(SAY, [row(topic, "late", 1)])
            await say(trial, row(topic, "early", 1))
            await eventually(lambda: _count(trial, 0))
        await eventually(lambda: empty(trial), timeout=20)
    assert versions(await arrived(kafka, topic)) == {"early": [1], "late": [1]}


async def test_keys_go_where_the_clients_own_partitioner_would_send_them(kafka: KafkaForTests) -> None:
    topic = await kafka.topic()
    keys = [f"{number}:é{number * 7}" for number in range(300)]
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        sent = [await producer.send(topic, b"", key=key.encode()) for key in keys]
        placed = [(await one).partition for one in sent]
    assert [partition_of(key, 12) for key in keys] == placed
    everywhere = list(range(12))
    assert placed == [DefaultPartitioner()(key.encode(), everywhere, everywhere) for key in keys]


async def test_what_kafka_refuses_stops_its_key_and_no_other(trial: Trial, kafka: KafkaForTests) -> None:
    topic = await kafka.topic(partitions=1, config={"max.message.bytes": "20000"})
    good = [row(topic, f"k{n % 7}", n, b"x" * 100) for n in range(1, 150)]
    refused = row(topic, "huge", 1, b"x" * 40_000)
    async with relaying(trial, kafka):
        await say(trial, *good[:70], refused, row(topic, "huge", 2), *good[70:])
        await eventually(lambda: _count(trial, 2), timeout=40)
        await say(trial, row(topic, "huge", 3), row(topic, "k0", 500))
        await eventually(lambda: _count(trial, 3), timeout=20)
        await eventually(lambda: _stuck(trial, ["huge"]))
    seen = versions(await arrived(kafka, topic))
    assert "huge" not in seen
    assert seen["k0"] == [*(n for n in range(1, 150) if n % 7 == 0), 500]
    assert sum(len(each) for each in seen.values()) == 150


async def test_a_topic_that_is_missing_holds_back_no_other(trial: Trial, kafka: KafkaForTests) -> None:
    topic = await kafka.topic()
    async with relaying(trial, kafka):
        await say(trial, row("never.declared", "k", 1), row(topic, "k", 1), row("never.declared", "k", 2))
        await eventually(lambda: _count(trial, 2), timeout=20)
        await say(trial, row(topic, "k", 2))
        await eventually(lambda: _count(trial, 2), timeout=5)
    assert versions(await arrived(kafka, topic)) == {"k": [1, 2]}


async def test_a_row_larger_than_a_quarter_of_a_megabyte_is_refused_when_it_is_written(trial: Trial) -> None:
    with pytest.raises(IntegrityError, match="outbox_body_bounded"):
        await say(trial, row("any", "k", 1, b"x" * (256 * 1024 + 1)))


async def test_the_largest_rows_that_may_be_written_arrive(trial: Trial, kafka: KafkaForTests) -> None:
    topic = await kafka.topic(config={"max.message.bytes": "1048576"})
    async with relaying(trial, kafka):
        await say(trial, *(row(topic, "k", n, b"x" * 256 * 1024) for n in range(1, 8)))
        await eventually(lambda: empty(trial), timeout=20)
    assert versions(await arrived(kafka, topic)) == {"k": list(range(1, 8))}


async def test_an_event_carries_the_attributes_of_cloudevents(trial: Trial, kafka: KafkaForTests) -> None:
    topic = await kafka.topic()
    async with relaying(trial, kafka):
        await say(trial, row(topic, "k", 7), row(topic, "erased", 1, None))
        await eventually(lambda: empty(trial), timeout=20)
    by_key = {one.key.decode(): one for one in await arrived(kafka, topic)}
    headers = dict(by_key["k"].headers)
    assert len(headers.pop("ce_id")) == 36
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_source": b"caseloop/999/audit",
        "ce_type": b"FeedResumed",
        "ce_time": b"2026-11-24T10:00:00+00:00",
        "ce_subject": b"k",
        "content-type": b"application/json",
        "version": b"7",
    }
    assert by_key["erased"].value is None


async def test_a_leader_that_was_overtaken_deletes_nothing(trial: Trial, kafka: KafkaForTests) -> None:
    topic = await kafka.topic()
    relay = Relay("audit", trial.engine, kafka.bootstrap, "caseloop/999/audit", Listener(trial.url, "audit"))
    epoch = await relay.lease.renew()
    assert epoch is not None
    await relay.lease.give_up()
    await Lease(trial.engine, LEASE, holder="another").renew()
    await say(trial, row(topic, "k", 1))
    async with trial.engine.connect() as connection:
        rows = (await connection.execute(text("SELECT id FROM outbox"))).mappings().all()
        with pytest.raises(LeaseLostError):
            await relay._delete(await driver(connection), rows, epoch)
    assert await trial.count("outbox") == 1


async def test_only_the_relays_own_connection_does_not_wait_for_the_disk(trial: Trial) -> None:
    said_by = "SELECT source FROM pg_settings WHERE name = 'synchronous_commit'"
    async with connected(trial.engine) as database:
        assert await database.fetchval("SHOW synchronous_commit") == "off"
        assert await database.fetchval(said_by) == "session"
    async with AsyncExitStack() as others:
        for _ in range(POOL_SIZE):
            other = await others.enter_async_context(trial.engine.connect())
            assert (await other.execute(text(said_by))).scalar() != "session"


async def test_a_lease_is_held_by_one_and_its_epoch_rises_with_every_change(trial: Trial) -> None:
    first, second = Lease(trial.engine, "x", holder="first"), Lease(trial.engine, "x", holder="second")
    assert [await first.renew(), await second.renew(), await first.renew()] == [1, None, 1]
    await first.give_up()
    assert [await second.renew(), await first.renew()] == [2, None]
    async with sessions(trial.engine)() as session, session.begin():
        await second.confirm(session, 2)
        with pytest.raises(LeaseLostError):
            await first.confirm(session, 1)


async def test_what_waits_is_measured(trial: Trial, kafka: KafkaForTests) -> None:
    await say(trial, row("never.read", "k", 1), row("never.read", "k", 2))
    relay = Relay("waiting", trial.engine, kafka.bootstrap, "s", Listener(trial.url, "audit"))
    await relay._measure()
    assert metrics.OUTBOX_ROWS.labels("waiting")._value.get() == 2
    assert metrics.OUTBOX_OLDEST_AGE.labels("waiting")._value.get() > 0


async def test_a_note_wakes_the_relay_before_its_poll(trial: Trial, kafka: KafkaForTests) -> None:
    topic = await kafka.topic()
    loop = asyncio.get_running_loop()
    async with relaying(trial, kafka) as relay:
        await say(trial, row(topic, "k", 1))
        await eventually(lambda: empty(trial), timeout=20)
        times = []
        for version in range(2, 7):
            began = loop.time()
            await say(trial, row(topic, "k", version))
            with suppress(TimeoutError):
                await asyncio.wait_for(_until_empty(trial), 5)
            times.append(loop.time() - began)
        assert relay._failures == 0
    assert sorted(times)[2] < 0.5


async def _until_empty(trial: Trial) -> None:
    await eventually(lambda: empty(trial))


async def _count(trial: Trial, count: int) -> None:
    assert await trial.count("outbox") == count


async def _stuck(trial: Trial, keys: list[str]) -> None:
    async with trial.engine.connect() as connection:
        found = (await connection.execute(text("SELECT key FROM outbox WHERE stuck"))).scalars().all()
    assert list(found) == keys
