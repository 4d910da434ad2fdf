"""Delivery over a real broker: what consumers do when records come twice, replicas come and go, and poison is about."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from aiokafka import AIOKafkaConsumer, TopicPartition
from faststream.kafka import KafkaBroker
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncSession

from shared.events import ChildLinked, ChildUnlinked, Event, FeedReceived, Topic
from shared.messaging import EventRouter, consumes, metrics
from shared.messaging.broker import build_broker, hung, joined, keep_started, measure_lag, stop
from shared.messaging.codec import encode_headers
from tests.messaging.trial import (
    BEGAN,
    Trial,
    each_once,
    identity,
    in_order,
    note,
    publish,
    publish_raw,
    record,
    replica,
)
from tests.support.backend import KafkaForTests
from tests.support.eventually import eventually


def numbers(count: int, senders: int = 40) -> list[tuple[str, int]]:
    """Numbers of several senders, in turn."""
    return [(f"sender-{number % senders}", number) for number in range(count)]


def client_of(broker: KafkaBroker) -> AIOKafkaConsumer:
    """The client of a broker's one subscriber."""
    ((_, client),) = joined(broker)
    return client


async def test_whatever_is_sent_again_has_its_effect_once_with_two_replicas(trial: Trial, kafka: KafkaForTests) -> None:
    topic = await kafka.topic()
    sent = numbers(3000)
    await publish(kafka.bootstrap, topic, sent)
    await publish(kafka.bootstrap, topic, [*sent[500:1500], *sent])
    async with replica(trial, kafka.bootstrap, topic), replica(trial, kafka.bootstrap, topic):
        await eventually(lambda: _has(trial, 3000), timeout=40)
        await publish(kafka.bootstrap, topic, [*sent[:100], ("last", 1)])
        await eventually(lambda: _has(trial, 3001), timeout=40)
    each_once(await trial.effects(), {*sent, ("last", 1)})
    in_order(await trial.effects())


async def test_a_header_that_is_not_text_loses_nothing_around_it(trial: Trial, kafka: KafkaForTests) -> None:
    """Incident prevented: FastStream's parser raised on it before anything could be rejected; the batch was lost."""
    topic = await kafka.topic()
    sent = numbers(30, senders=30)
    records = [record(*one) for one in sent]
    records[11] = replace(records[11], headers=[*records[11].headers, ("comment", b"\xff\xfe"), ("reply_to", b"x")])
    records[12] = replace(records[12], headers=[*records[12].headers, ("nothing", None)])
    await publish_raw(kafka.bootstrap, topic, records)
    async with replica(trial, kafka.bootstrap, topic):
        await eventually(lambda: _has(trial, 30))
    each_once(await trial.effects(), sent)


async def test_poison_is_set_aside_while_the_rest_goes_through(trial: Trial, kafka: KafkaForTests) -> None:
    topic = await kafka.topic()
    sent = numbers(100)
    records = [record(*one) for one in sent]
    records[5] = replace(records[5], value=b'{"half of')
    records[50] = replace(records[50], value=b"x" * 900_000)
    records[60] = replace(records[60], value=None)
    await publish_raw(kafka.bootstrap, topic, records)
    async with replica(trial, kafka.bootstrap, topic):
        await eventually(lambda: _counts(trial, "dead_letter", 3))
        held = {sent[place][0] for place in (5, 50, 60)}
        untouched = {one for one in sent if one[0] not in held}
        await eventually(lambda: _includes(trial, untouched))
    in_order(await trial.effects())


async def test_a_batch_in_hand_when_partitions_move_has_its_effect_once(trial: Trial, kafka: KafkaForTests) -> None:
    topic = await kafka.topic()
    sent = numbers(400)
    await publish(kafka.bootstrap, topic, sent)
    in_hand, go_on = asyncio.Event(), asyncio.Event()

    async def dawdles(events: Sequence[FeedReceived], session: AsyncSession) -> list[Event]:
        said = await note(events, session)
        in_hand.set()
        await go_on.wait()
        return said

    async with replica(trial, kafka.bootstrap, topic, dawdles) as (first, _):
        await in_hand.wait()
        async with replica(trial, kafka.bootstrap, topic) as (second, _):
            await eventually(lambda: len(client_of(first).assignment()) == 6, timeout=30)
            await eventually(lambda: len(client_of(second).assignment()) == 6, timeout=30)
            go_on.set()
            await eventually(lambda: _has(trial, 400), timeout=30)
            await publish(kafka.bootstrap, topic, [*sent, ("last", 1)])
            await eventually(lambda: _has(trial, 401), timeout=30)
    each_once(await trial.effects(), {*sent, ("last", 1)})


async def test_a_handler_slower_than_the_poll_interval_is_not_the_end(trial: Trial, kafka: KafkaForTests) -> None:
    """While PostgreSQL is away for long the group gives the partitions away; the consumer must join again by itself."""
    topic = await kafka.topic()
    sent = numbers(50)
    await publish(kafka.bootstrap, topic, sent)
    go_on = asyncio.Event()

    async def dawdles(events: Sequence[FeedReceived], session: AsyncSession) -> list[Event]:
        await go_on.wait()
        return await note(events, session)

    async with replica(trial, kafka.bootstrap, topic, dawdles, max_poll_interval_ms=1000) as (broker, _):
        await eventually(lambda: bool(client_of(broker).assignment()))
        client = client_of(broker)
        await eventually(lambda: client._coordinator.member_id == "", timeout=20)
        go_on.set()
        await eventually(lambda: _has(trial, 50), timeout=20)
        await publish(kafka.bootstrap, topic, [*sent, ("last", 1)])
        await eventually(lambda: _has(trial, 51), timeout=20)
    each_once(await trial.effects(), {*sent, ("last", 1)})


async def test_a_handler_that_is_cancelled_does_not_end_the_consumer(trial: Trial, kafka: KafkaForTests) -> None:
    topic = await kafka.topic()

    async def gives_up(events: Sequence[FeedReceived], session: AsyncSession) -> list[Event]:
        if any(event.accepted == 1 for event in events):
            raise asyncio.CancelledError
        return await note(events, session)

    async with replica(trial, kafka.bootstrap, topic, gives_up) as (broker, consumer):
        await publish(kafka.bootstrap, topic, [("a", 1), ("b", 2)])
        await eventually(lambda: _has(trial, 1))
        await publish(kafka.bootstrap, topic, [("c", 3)])
        await eventually(lambda: _has(trial, 2))
        assert hung(broker, [consumer], 1.0) == []
    assert await trial.count("dead_letter") == 1


async def test_liveness_sees_a_consumer_that_no_longer_asks(trial: Trial, kafka: KafkaForTests) -> None:
    topic = await kafka.topic()
    async with replica(trial, kafka.bootstrap, topic) as (broker, consumer):
        await eventually(lambda: bool(client_of(broker).assignment()))
        assert hung(broker, [consumer], 1.0) == []
        ((subscriber, _),) = joined(broker)
        for task in subscriber.tasks:
            task.cancel()
        await eventually(lambda: hung(broker, [consumer], 100.0) == [consumer.name])


async def test_a_stopped_consumer_acknowledges_nothing(trial: Trial, kafka: KafkaForTests) -> None:
    topic = await kafka.topic(partitions=1)
    sent = [("a", number) for number in range(300)]
    bad = [replace(record(*one), value=b"x" if one[1] % 2 else record(*one).value) for one in sent]
    await publish_raw(kafka.bootstrap, topic, bad)
    async with replica(trial, kafka.bootstrap, topic) as (broker, consumer):
        await eventually(lambda: consumer.stopped is not None)
        committed = await client_of(broker).committed(TopicPartition(topic, 0))
        assert committed is None
        assert hung(broker, [consumer], 0.0) == []
    assert await trial.effects() == []


async def test_kafka_is_told_what_is_settled_though_nothing_more_comes(trial: Trial, kafka: KafkaForTests) -> None:
    topic = await kafka.topic(partitions=2)
    places = [TopicPartition(topic, number) for number in range(2)]
    async with replica(trial, kafka.bootstrap, topic) as (broker, _):
        await publish(kafka.bootstrap, topic, numbers(40))
        await eventually(lambda: _has(trial, 40))
        await publish(kafka.bootstrap, topic, [("last", 1)])
        await eventually(lambda: _has(trial, 41))
        client = client_of(broker)
        ends = await client.end_offsets(places)

        async def told() -> None:
            assert {place: await client.committed(place) for place in places} == ends

        await eventually(told)


async def test_the_lag_of_each_partition_is_measured(trial: Trial, kafka: KafkaForTests) -> None:
    topic = await kafka.topic(partitions=2)
    async with replica(trial, kafka.bootstrap, topic) as (broker, _):
        await publish(kafka.bootstrap, topic, numbers(40))
        await eventually(lambda: _has(trial, 40))
        measure_lag(broker)
        lags = {
            sample.labels["partition"]: sample.value
            for metric in metrics.CONSUMER_LAG.collect()
            for sample in metric.samples
            if sample.labels["topic"] == topic
        }
    assert lags == {"0": 0.0, "1": 0.0}


async def test_an_erasure_arrives_with_an_empty_body(trial: Trial, kafka: KafkaForTests) -> None:
    router = EventRouter("audit")
    heard: list[Event] = []

    @consumes(router, ChildLinked, ChildUnlinked, suffix=f"trial{id(trial)}")
    async def hear(events: Sequence[ChildLinked | ChildUnlinked], session: AsyncSession) -> list[Event]:
        heard.extend(events)
        return []

    await _topic(kafka, Topic.CHILDREN)
    child = identity("child", 1)
    linked = ChildLinked(occurred_at=BEGAN, child_id=child, case_id="C1")
    unlinked = ChildUnlinked(occurred_at=BEGAN, child_id=child, version=2)
    records = [
        replace(
            record("x", event.version),
            key=event.key.encode(),
            value=event.body,
            headers=encode_headers(
                event_id=identity("child", event.version),
                source="caseloop/999/intake",
                kind=event.type(),
                occurred_at=event.occurred_at,
                key=event.key,
                version=event.version,
                trace=None,
            ),
        )
        for event in (linked, unlinked)
    ]
    assert records[1].value is None
    await publish_raw(kafka.bootstrap, Topic.CHILDREN.value, records)
    broker, _ = build_broker(router, trial.engine, kafka.bootstrap, CollectorRegistry())
    await keep_started(broker, asyncio.Event())
    try:
        await eventually(lambda: [one for one in heard if one.key == str(child)] == [linked, unlinked])
    finally:
        await stop(broker)


async def _topic(kafka: KafkaForTests, topic: Topic) -> None:
    await kafka.create(topic.value, 12)


async def _has(trial: Trial, count: int) -> None:
    assert len(await trial.effects()) >= count


async def _counts(trial: Trial, table: str, count: int) -> None:
    assert await trial.count(table) == count


async def _includes(trial: Trial, some: set[tuple[str, int]]) -> None:
    assert some <= set(await trial.effects())
