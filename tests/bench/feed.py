"""What a case management system would publish: assessments of many children, some 850 bytes each."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from uuid import NAMESPACE_DNS, UUID, uuid5

from aiokafka import AIOKafkaProducer

from shared.events import Topic
from shared.messaging.codec import Headers, encode_headers
from shared.messaging.relay import partition_of

Message = tuple[str, bytes, Headers]
"""Key, body and headers."""

SIZE = 850
BEGAN = date(2026, 1, 1)
PARTITIONS = 12


def event_id(number: int) -> UUID:
    """The identity of one event."""
    return uuid5(NAMESPACE_DNS, f"bench/{number}")


def message(number: int) -> Message:
    """One assessment."""
    started = BEGAN + timedelta(days=number % 300)
    authorised = datetime(started.year, started.month, started.day, 16, tzinfo=UTC) + timedelta(days=40)
    child = f"C{number * 10 // 13:07}"
    body = {
        "occurred_at": authorised.isoformat(),
        "version": 1,
        "council": "999",
        "id": f"A{number:07}",
        "child": child,
        "family": f"F{number // 3:07}",
        "worker": f"w-{number % 700:04}",
        "team": f"t-{number % 40:02}",
        "started_on": started.isoformat(),
        "authorised_on": authorised.date().isoformat(),
        "authorised_at": authorised.isoformat(),
        "authorised_by": f"m-{number % 40:02}",
        "referred_on": (started - timedelta(days=1)).isoformat(),
        "factors": ["16A", "3A", "2B"],
        "category_of_abuse": "NEG",
        "child_seen": True,
        "outcome": "child_in_need",
    }
    return sent("CmsAssessmentAuthorised", event_id(number), child, body, authorised)


def sent(kind: str, identity: UUID, child: str, body: dict[str, object], at: datetime) -> Message:
    """A record as a case management system would send it, filled up to the usual size."""
    text = json.dumps(body)
    # A field that nobody here knows: senders have many
    padded = f'{text[:-1]}, "system_reference": "{"x" * max(0, SIZE - len(text) - 24)}"}}'
    headers = encode_headers(
        event_id=identity, source="cms/bench", kind=kind, occurred_at=at, key=child, version=1, trace=None
    )
    return child, padded.encode(), headers


async def publish(bootstrap: str, first: int, count: int) -> None:
    """Put so many assessments on the topic, each on its child's partition."""
    await publish_all(bootstrap, map(message, range(first, first + count)))


async def publish_all(bootstrap: str, messages: Iterable[Message], chunk: int = 20_000) -> None:
    """Put these records on the topic in their order, each on its child's partition."""
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, max_batch_size=512 * 1024, max_request_size=1024 * 1024
    ) as producer:
        coming = iter(messages)
        while part := list(islice(coming, chunk)):
            await _publish(producer, part)


async def _publish(producer: AIOKafkaProducer, part: list[Message]) -> None:
    lanes: dict[int, list[Message]] = defaultdict(list)
    for one in part:
        lanes[partition_of(one[0], PARTITIONS)].append(one)
    for partition, messages in lanes.items():
        waiting = list(reversed(messages))
        while waiting:
            batch = producer.create_batch()
            while waiting:
                key, body, headers = waiting[-1]
                if batch.append(key=key.encode(), value=body, timestamp=None, headers=headers) is None:
                    break
                waiting.pop()
            batch.close()
            await (await producer.send_batch(batch, Topic.CMS_ASSESSMENTS.value, partition=partition))
