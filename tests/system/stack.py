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

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from shared.events import CmsEvent, Topic
from shared.messaging.codec import Headers, encode_headers

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


Raw = tuple[bytes, bytes | None, Headers]
"""A record to send: key, value, headers."""


@dataclass(frozen=True)
class Found:
    """A record as it lies in a topic."""

    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]

    @property
    def type(self) -> str:
        """What kind of event it is."""
        return self.headers.get("ce_type", b"").decode()

    @property
    def body(self) -> dict[str, Any]:
        """What it says; nothing where it is an erasure."""
        body: dict[str, Any] = json.loads(self.value or b"{}")
        return body


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

    def errors(self) -> list[str]:
        """What our own code has logged as an error: something failed inside, whether or not a test saw it."""
        lines = (line for line in self.logs().splitlines() if line.startswith("{"))
        said = (json.loads(line) for line in lines)
        return [
            json.dumps(each)[:4000]
            for each in said
            if each.get("level") in {"error", "critical"} and not str(each.get("logger", "")).startswith("aiokafka")
        ]

    async def publish(self, *events: CmsEvent, event_ids: Sequence[str]) -> list[Sent]:
        """Publish events as a case management system would, under ids of the test's own."""
        records = [
            (
                event.key.encode(),
                event.body,
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

    async def send(self, topic: str, records: Sequence[Raw]) -> list[Sent]:
        """Send raw records; where each lies now."""
        async with AIOKafkaProducer(bootstrap_servers=self.kafka, acks="all") as producer:
            sent = [
                await producer.send_and_wait(topic, value, key=key, headers=list(headers))
                for key, value, headers in records
            ]
        return [Sent(one.topic, one.partition, one.offset) for one in sent]

    async def everything_in(self, topic: str) -> list[Found]:
        """Every record of a topic as it is now."""
        async with AIOKafkaConsumer(
            topic, bootstrap_servers=self.kafka, enable_auto_commit=False, auto_offset_reset="earliest"
        ) as consumer:
            places = consumer.assignment()
            assert places, f"{topic} has no partitions"
            ends = await consumer.end_offsets(places)
            found: list[Found] = []
            while any([await consumer.position(place) < ends[place] for place in places]):
                batches = await consumer.getmany(timeout_ms=500)
                found += [
                    Found(one.key, one.value, {name: value or b"" for name, value in one.headers})
                    for batch in batches.values()
                    for one in batch
                ]
        return found


@contextmanager
def running_stack(home: Path, port: int, told: Mapping[str, str] | None = None) -> Iterator[RunningStack]:
    """`caseloop up --detach`, and `caseloop down` in the end. `told` are further settings, by variable."""
    environment = os.environ | (told or {}) | {"CASELOOP_HOME": str(home), "CASELOOP_PORT": str(port)}
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
