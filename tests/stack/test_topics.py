"""Topics are created as declared, corrected where they differ, and never repartitioned."""

from __future__ import annotations

import secrets

import pytest

from deploy.local.refusal import Failed, Refused
from deploy.local.topics import DeclaredTopic, apply
from tests.support.backend import KafkaForTests


def declare(partitions: int = 2) -> DeclaredTopic:
    """A topic that no other test has."""
    return DeclaredTopic(f"declared.{secrets.token_hex(4)}", partitions, {})


def with_config(topic: DeclaredTopic, config: dict[str, str]) -> DeclaredTopic:
    """The same topic, configured otherwise."""
    return DeclaredTopic(topic.name, topic.partitions, config)


async def test_what_is_missing_is_created_and_what_is_there_is_left(kafka: KafkaForTests) -> None:
    topic = declare()
    first = await apply(kafka.bootstrap, [topic])
    second = await apply(kafka.bootstrap, [topic])
    assert (first.created, second.unchanged) == ((topic.name,), (topic.name,))


async def test_what_differs_is_corrected(kafka: KafkaForTests) -> None:
    topic = declare()
    await apply(kafka.bootstrap, [with_config(topic, {"retention.ms": "1000"})])
    wanted = with_config(topic, {"retention.ms": "-1"})
    assert (await apply(kafka.bootstrap, [wanted])).changed == (topic.name,)
    assert (await apply(kafka.bootstrap, [wanted])).unchanged == (topic.name,)


async def test_another_number_of_partitions_is_refused_and_nothing_is_changed(kafka: KafkaForTests) -> None:
    topic, new = declare(partitions=2), declare()
    await apply(kafka.bootstrap, [topic])
    with pytest.raises(Refused, match="has 2 partitions and 3 are declared"):
        await apply(kafka.bootstrap, [DeclaredTopic(topic.name, 3, {}), new])
    assert (await apply(kafka.bootstrap, [new])).created == (new.name,)


async def test_a_configuration_that_kafka_does_not_know_fails(kafka: KafkaForTests) -> None:
    topic = with_config(declare(), {"retention.ms": "soon"})
    with pytest.raises(Failed, match=topic.name):
        await apply(kafka.bootstrap, [topic])


async def test_a_broker_that_is_away_fails_in_one_line() -> None:
    with pytest.raises(Failed, match=r"no Kafka answers at 127\.0\.0\.1:9"):
        await apply("127.0.0.1:9", [declare()])
