"""Declare the topics of `deploy/topics.yaml` on a broker: create what is missing, correct what differs.

Partitions are never changed: a topic that has another number of them than declared is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, for_code
from pydantic import BaseModel, ConfigDict

from deploy.local.refusal import Failed, Refused

FILE: Final = Path(__file__).parent.parent / "topics.yaml"
OWN_PREFIX: Final = "caseloop."


class TopicOptions(BaseModel):
    """What one topic says of itself in the file."""

    model_config = ConfigDict(extra="forbid")

    partitions: int | None = None
    compacted: bool = False


class TopicsFile(BaseModel):
    """The file as a whole."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    partitions: int
    config: dict[str, str]
    compacted: dict[str, str]
    own: dict[str, str]
    topics: dict[str, TopicOptions]


@dataclass(frozen=True)
class DeclaredTopic:
    """A topic as it should be."""

    name: str
    partitions: int
    config: dict[str, str]


@dataclass(frozen=True)
class Applied:
    """What an application of the file did, as names of topics."""

    created: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]


def declared(file: Path = FILE) -> list[DeclaredTopic]:
    """The topics of the file, each with its whole configuration."""
    content = TopicsFile.model_validate(yaml.safe_load(file.read_text()))
    return [_declare(content, name, options) for name, options in content.topics.items()]


def _declare(content: TopicsFile, name: str, options: TopicOptions) -> DeclaredTopic:
    config = {
        **content.config,
        **(content.compacted if options.compacted else {}),
        **(content.own if name.startswith(OWN_PREFIX) else {}),
    }
    return DeclaredTopic(name, options.partitions or content.partitions, config)


async def apply(bootstrap: str, topics: Sequence[DeclaredTopic], replication: int = 1) -> Applied:
    """Make the broker's topics as declared. Refused over partitions; Failed when the broker is away or says no."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
    except KafkaConnectionError as error:
        raise Failed(f"no Kafka answers at {bootstrap}") from error
    try:
        present = await _partitions(admin)
        _check_partitions(topics, present)
        missing = [topic for topic in topics if topic.name not in present]
        await _create(admin, missing, replication)
        existing = [topic for topic in topics if topic.name in present]
        changed = await _correct(admin, existing)
    finally:
        await admin.close()
    return Applied(
        created=tuple(topic.name for topic in missing),
        changed=tuple(topic.name for topic in changed),
        unchanged=tuple(topic.name for topic in existing if topic not in changed),
    )


def apply_file(bootstrap: str, replication: int = 1) -> Applied:
    """`apply` for the committed file, from code without an event loop."""
    return asyncio.run(apply(bootstrap, declared(), replication))


async def _partitions(admin: AIOKafkaAdminClient) -> dict[str, int]:
    described: list[dict[str, Any]] = await admin.describe_topics()
    return {topic["topic"]: len(topic["partitions"]) for topic in described}


def _check_partitions(topics: Sequence[DeclaredTopic], present: dict[str, int]) -> None:
    for topic in topics:
        found = present.get(topic.name, topic.partitions)
        if found != topic.partitions:
            raise Refused(
                f"topic {topic.name} has {found} partitions and {topic.partitions} are declared: "
                "changing them would break the order of each key's events"
            )


async def _create(admin: AIOKafkaAdminClient, missing: Sequence[DeclaredTopic], replication: int) -> None:
    if not missing:
        return
    new = [NewTopic(topic.name, topic.partitions, replication, topic_configs=topic.config) for topic in missing]
    response = await admin.create_topics(new)
    for name, code, *_ in response.topic_errors:
        if code != 0:
            raise Failed(f"Kafka would not create {name}: {for_code(code).__name__}")


async def _correct(admin: AIOKafkaAdminClient, existing: Sequence[DeclaredTopic]) -> list[DeclaredTopic]:
    if not existing:
        return []
    present = await _configs(admin, [topic.name for topic in existing])
    differing = [topic for topic in existing if not topic.config.items() <= present[topic.name].items()]
    if differing:
        resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name, topic.config) for topic in differing]
        for response in await admin.alter_configs(resources):
            for code, _, _, name in response.resources:
                if code != 0:
                    raise Failed(f"Kafka would not change {name}: {for_code(code).__name__}")
    return differing


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    return {
        name: {entry[0]: entry[1] for entry in entries}
        for response in await admin.describe_configs(resources)
        for _, _, _, name, entries in response.resources
    }
