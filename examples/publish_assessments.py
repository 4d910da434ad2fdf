"""Publish finished work from a case management system to Caseloop: `cms.assessments.v1`, whole.

For a supplier: copy this file. It needs aiokafka (or any Kafka client) and nothing of Caseloop's. It reads one JSON
object a line from a file or from standard input and publishes each as one event:

    python examples/publish_assessments.py 127.0.0.1:8081 finished.jsonl

    {"type": "CmsAssessmentAuthorised", "council": "999", "id": "A-71533", "child": "4410927", "family": "F-2088",
     "worker": "W1014", "team": "assessment-moor", "started_on": "2026-10-12", "authorised_on": "2026-11-23",
     "authorised_at": "2026-11-23T16:40:00+00:00", "authorised_by": "W1012", "factors": ["16A", "3B"]}

The rules of the contract (its JSON Schema is served at /intake/asyncapi.json):

* CloudEvents in Kafka's binary mode: the headers say which event it is, the value is its body as JSON.
* The key is the child's id, so that what happens to a child arrives in order. Let the client choose the partition.
* Ids are your own, opaque and lasting. Never a name, a date of birth, a UPN or an NHS number, in no field.
* The same `ce_id` twice has no effect, so publish again whenever you are unsure that it went through.
* A correction is the same record `id` with a higher `version`, whole; it replaces what was there.
"""

import asyncio
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from aiokafka import AIOKafkaProducer

TOPIC = "cms.assessments.v1"
SOURCE = "https://cms.example/children"
"""Names your system; together with `ce_id` it identifies the event everywhere."""


def records(lines: Iterable[str]) -> Iterator[dict[str, object]]:
    """Each line that is not empty as a record."""
    for line in lines:
        if line.strip():
            yield json.loads(line)


def headers(record: dict[str, object]) -> list[tuple[str, bytes]]:
    """What CloudEvents wants beside the body. The id is made from the record, so a second run repeats it."""
    version = record.get("version", 1)
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": str(uuid5(NAMESPACE_URL, f"{SOURCE}/{record['type']}/{record['id']}/{version}")),
        "ce_source": SOURCE,
        "ce_type": str(record["type"]),
        "ce_time": str(record["occurred_at"]),
        "ce_subject": str(record["id"]),
        "content-type": "application/json",
    }
    return [(name, value.encode()) for name, value in attributes.items()]


async def publish(bootstrap: str, lines: Iterable[str]) -> int:
    """Publish every record and say how many; returns when the broker holds them all."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True) as producer:
        sent = []
        for record in records(lines):
            record.setdefault("occurred_at", record.get("authorised_at") or datetime.now(UTC).isoformat())
            body = json.dumps({field: value for field, value in record.items() if field != "type"}).encode()
            key = str(record["child"]).encode()
            sent.append(await producer.send(TOPIC, body, key=key, headers=headers(record)))
        await asyncio.gather(*sent)
    return len(sent)


def main() -> None:
    """Publish the file named on the command line, or standard input."""
    bootstrap, *files = sys.argv[1:]
    if files:
        with open(files[0], encoding="utf-8") as lines:
            count = asyncio.run(publish(bootstrap, lines))
    else:
        count = asyncio.run(publish(bootstrap, sys.stdin))
    sys.stderr.write(f"{count} published to {TOPIC}\n")


if __name__ == "__main__":
    main()
