"""One whole stack for a test run, driven from outside: its command line, its pages, its Kafka."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from shared.events import CmsEvent, Event, Topic
from shared.messaging.codec import encode_body, encode_headers

COMMAND_SECONDS = 120


@dataclass(frozen=True)
class Answer:
    """How a command of `caseloop` ended."""

    code: int
    said: Mapping[str, Any]
    """The one object of its `--json`."""


@dataclass(frozen=True)
class Sent:
    """Where a record lies."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True)
class RunningStack:
    """A stack that is up."""

    home: Path
    environment: Mapping[str, str]
    url: str
    kafka: str

    def caseloop(self, *arguments: str) -> Answer:
        """Run a command against this stack."""
        return run(self.environment, *arguments)

    def logs(self) -> str:
        """Everything that its processes have said so far."""
        return "\n".join(file.read_text(errors="replace") for file in sorted((self.home / "logs").iterdir()))

    async def publish(self, *events: CmsEvent, event_ids: Sequence[str]) -> list[Sent]:
        """Publish events as a case management system would, under ids of the test's own."""
        records = [
            (
                event.key.encode(),
                encode_body(event),
                encode_headers(
                    event_id=event_id,  # type: ignore[arg-type]  # a sender's id is any string
                    source="test-council",
                    kind=event.type(),
                    occurred_at=event.occurred_at,
                    key=event.key,
                    version=event.version,
                    trace=None,
                ),
            )
            for event, event_id in zip(events, event_ids, strict=True)
        ]
        return await self.send(Topic.CMS_ASSESSMENTS, records)

    async def send(
        self, topic: str, records: Sequence[tuple[bytes, bytes | None, Sequence[tuple[str, bytes]]]]
    ) -> list[Sent]:
        """Send raw records; where each lies now."""
        async with AIOKafkaProducer(bootstrap_servers=self.kafka, acks="all") as producer:
            sent = [
                await producer.send_and_wait(topic, value, key=key, headers=list(headers))
                for key, value, headers in records
            ]
        return [Sent(one.topic, one.partition, one.offset) for one in sent]

    async def everything_in(self, topic: str) -> list[tuple[bytes | None, bytes | None, dict[str, bytes]]]:
        """Every record of a topic as it is now: key, value, headers."""
        async with AIOKafkaConsumer(bootstrap_servers=self.kafka, enable_auto_commit=False) as consumer:
            partitions = [TopicPartition(topic, each) for each in await partitions_of(consumer, topic)]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            await consumer.seek_to_beginning(*partitions)
            found: list[tuple[bytes | None, bytes | None, dict[str, bytes]]] = []
            while any([await consumer.position(each) < ends[each] for each in partitions]):
                batches = await consumer.getmany(timeout_ms=500)
                found += [(one.key, one.value, dict(one.headers)) for batch in batches.values() for one in batch]
        return found


async def partitions_of(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    """The partitions of a topic; its metadata may not be there yet."""
    await consumer.topics()
    return consumer.partitions_for_topic(topic) or set()


@contextmanager
def running_stack(home: Path, port: int) -> Iterator[RunningStack]:
    """`caseloop up --detach`, and `caseloop down` in the end."""
    environment = os.environ | {"CASELOOP_HOME": str(home), "CASELOOP_PORT": str(port)}
    up = run(environment, "up", "--detach")
    assert up.code == 0, up.said
    try:
        status = run(environment, "status").said
        yield RunningStack(home, environment, status["url"], status["kafka"])
    finally:
        run(environment, "down")


def run(environment: Mapping[str, str], *arguments: str) -> Answer:
    """A command with `--json`: its exit code and the last line of what it printed."""
    outcome = subprocess.run(
        [sys.executable, "-m", "deploy.local.cli", *arguments, "--json"],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    lines = outcome.stdout.splitlines()
    return Answer(outcome.returncode, json.loads(lines[-1]) if lines else {"stderr": outcome.stderr[-2000:]})


def names(events: Sequence[type[Event]]) -> frozenset[str]:
    """The `ce_type` of each."""
    return frozenset(event.type() for event in events)
