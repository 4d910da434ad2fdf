"""`make bench-latency`: from the send to `cms.assessments.v1` to the bytes that an auditor's open inbox reads.

Intake and audit run as they are deployed, on PostgreSQL that waits for the disk. Fifty assessments a second arrive, and
the programme's threshold is 1, so that every one is drawn and given to an auditor whose inbox is open. What has stood
there for half a second is completed, as if by its auditor, so that an inbox holds some thirty cases and changes all the
time. The time of a case is measured in this process, which sends it and reads the stream.

`python -m tests.bench.latency [--events N] [--inboxes 1 to 4]` prints
`{"p50_ms": …, "p95_ms": …, "p99_ms": …, "events": …}` as its last line and writes it to `bench-results/latency.json`,
with the CPU of an event by process: what is saturated says where to look.
It exits 1 where a target is missed or a case did not arrive.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
from aiokafka import AIOKafkaProducer

from services.audit.domain.programme import audit_id
from services.intake.domain.identity import minted, pseudonym
from shared.access.sessions import COOKIE
from shared.events import Topic
from tests.bench.deployed import Deployed, deployed
from tests.bench.directory import AUDITORS
from tests.bench.feed import sent
from tests.bench.stage import say
from tests.support.eventually import eventually

A_SECOND = 50
WARMING = 100
TARGET_MS = {"p50_ms": 15.0, "p99_ms": 100.0}
ARRIVAL_SECONDS = 20.0
KEY = b"k" * 32
"""The pseudonym key that a measurement's services are given."""
STARTED = timedelta(days=40)
THEMES = [
    {
        "theme": "assessment-team",
        "name": "Assessment team",
        "target": 10_000,
        "expected_a_week": 10_000,
        "eligible": [{"kind": ["assessment"]}],
    }
]
NO_TIME = 0.02
"""Hours an audit, or the programme would be refused: four auditors could not do so many."""
CASE = re.compile(rb'id="case-([0-9a-f-]{36})"')
LONGEST_MATCH = 64
STANDS_SECONDS = 0.5
HOURS_A_WEEK = 60
FINISH = (
    "UPDATE audit.audit SET state = 'completed', completed_at = now(), completed_on = current_date, grade = 'green',"
    " rag = 'green' WHERE state = 'allocated' AND audit_id = ANY($1)"
)


class Clock:
    """When each case was sent, and when it was first read."""

    def __init__(self) -> None:
        self.sent: dict[UUID, float] = {}
        self.read: dict[UUID, float] = {}

    def reads(self, found: Sequence[bytes], at: float) -> None:
        """These cases stand in what an inbox has just received."""
        for name in found:
            case = UUID(name.decode())
            if case in self.sent:
                self.read.setdefault(case, at)

    def older_than(self, seconds: float) -> list[UUID]:
        """The cases that have stood in an inbox for so long, and do no more from now on."""
        due = time.perf_counter() - seconds
        return [case for case, at in self.read.items() if due - 4 * seconds < at < due]

    def milliseconds(self) -> list[float]:
        """How long each took."""
        return [(at - self.sent[case]) * 1000 for case, at in self.read.items()]


async def measure(stack: Deployed, events: int, persons: Sequence[str]) -> dict[str, object]:
    """Warm up, then send so many, one every fiftieth of a second."""
    stack.start("audit")
    programme = stack.open_programme(
        weeks=1,
        themes=THEMES,
        pass_targets=True,
        exclude_audited_months=0,
        hours_an_audit=NO_TIME / len(AUDITORS),
        other_hours={},
        auditors=[{"person": person, "hours_a_week": HOURS_A_WEEK} for person in persons],
    )
    stack.start("intake")
    warm, clock = Clock(), Clock()
    load = round(os.getloadavg()[0], 2)
    async with AIOKafkaProducer(bootstrap_servers=stack.servers.kafka.bootstrap, acks="all") as producer:
        for each, count in ((warm, WARMING), (clock, events)):
            async with inboxes(stack, persons, each), finishing(stack, each):
                before, mine = stack.cpu_by_process(), time.process_time()
                await send(producer, each, UUID(programme), count)
                used = {name: seconds - before[name] for name, seconds in stack.cpu_by_process().items()}
                mine = time.process_time() - mine
    took = statistics.quantiles(clock.milliseconds(), n=100, method="inclusive")
    return {
        "p50_ms": round(took[49], 1),
        "p95_ms": round(took[94], 1),
        "p99_ms": round(took[98], 1),
        "max_ms": round(max(clock.milliseconds()), 1),
        "events": len(clock.read),
        "never_read": events - len(clock.read),
        "inboxes": len(persons),
        "cpu_ms_per_event": round(sum(used.values()) / events * 1000, 1),
        "cpu_ms_by_process": {name: round(each / events * 1000, 1) for name, each in (used | {"bench": mine}).items()},
        "load_before": load,
    }


async def send(producer: AIOKafkaProducer, clock: Clock, programme: UUID, count: int) -> None:
    """Send at an even pace, whatever becomes of what was sent; return once all of it was read, or it is too late."""
    began = time.perf_counter()
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / A_SECOND - time.perf_counter()))
        child = str(uuid4())
        now = datetime.now(UTC)
        key, body, headers = sent("CmsAssessmentAuthorised", uuid4(), child, assessment(child, now), now)
        clock.sent[expected(programme, child, (now - STARTED).date())] = time.perf_counter()
        await producer.send(Topic.CMS_ASSESSMENTS.value, body, key=key.encode(), headers=list(headers))
    try:
        await eventually(lambda: len(clock.read) == count, timeout=ARRIVAL_SECONDS)
    except AssertionError:
        return


def assessment(child: str, now: datetime) -> dict[str, object]:
    """An assessment that was authorised this moment."""
    worker = int(child[:4], 16) % 700
    return {
        "occurred_at": now.isoformat(),
        "version": 1,
        "council": "999",
        "id": f"A-{child}",
        "child": child,
        "worker": f"w-{worker:04}",
        "team": f"t-{worker % 40:02}",
        "started_on": (now - STARTED).date().isoformat(),
        "authorised_on": now.date().isoformat(),
        "authorised_at": now.isoformat(),
        "factors": ["16A", "3A"],
    }


def expected(programme: UUID, child: str, started_on: date) -> UUID:
    """The audit that this child's assessment will be."""
    return audit_id(programme, minted("999", "assessment", pseudonym(KEY, child), started_on, 0))


@asynccontextmanager
async def inboxes(stack: Deployed, persons: Sequence[str], clock: Clock) -> AsyncIterator[None]:
    """Every auditor's inbox, open."""
    reading = [asyncio.create_task(_read(stack, person, clock)) for person in persons]
    await asyncio.sleep(0.5)
    try:
        yield
    finally:
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)


async def _read(stack: Deployed, person: str, clock: Clock) -> None:
    """One stream, byte for byte: a client that parsed it would measure itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.ports.service("audit"), limit=1 << 20)
    cookie = f"{COOKIE}={stack.cookie(person)}"
    writer.write(f"GET /audit/inbox/live HTTP/1.1\r\nHost: {stack.ports.url[7:]}\r\nCookie: {cookie}\r\n\r\n".encode())
    rest = b""
    try:
        while received := await reader.read(1 << 20):
            rest += received
            clock.reads(CASE.findall(rest), time.perf_counter())
            rest = rest[-LONGEST_MATCH:]
    finally:
        writer.close()


@asynccontextmanager
async def finishing(stack: Deployed, clock: Clock) -> AsyncIterator[None]:
    """Auditors who complete each case when it has stood before them for a while."""
    database = await asyncpg.connect(stack.servers.database.superuser_url.replace("+asyncpg", ""))

    async def finish() -> None:
        while True:
            await asyncio.sleep(STANDS_SECONDS / 2)
            await database.execute(FINISH, clock.older_than(STANDS_SECONDS))

    at_work = asyncio.create_task(finish())
    try:
        yield
    finally:
        at_work.cancel()
        await asyncio.gather(at_work, return_exceptions=True)
        await database.close()


def main() -> None:
    """Measure and say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1500)
    parser.add_argument("--inboxes", type=int, default=1, choices=range(1, len(AUDITORS) + 1))
    asked = parser.parse_args()
    with deployed() as stack:
        result = asyncio.run(measure(stack, asked.events, AUDITORS[: asked.inboxes]))
    say("latency", result)
    met = all(float(str(result[name])) <= target for name, target in TARGET_MS.items())
    raise SystemExit(0 if met and not result["never_read"] else 1)


if __name__ == "__main__":
    main()
