"""`make bench-year`: a year of England's finished work through intake and sampling, processes as deployed.

The topic is filled first; the clock runs from intake's first committed batch until both services have handled every
event and both outboxes are empty. PostgreSQL waits for the disk, as it does when deployed. The briefing's programme is
open for 52 weeks, its targets scaled to them, and audit's clock follows the events, so that weeks open and close
meanwhile. Then key sets are compared, not counts: every key that was sent must be in intake once, be said once in each
of its versions on `caseloop.assessments.v1`, and have one decision in audit.

Two replicas of a service are the normal case: intake, which has the most to do, is two here.

`python -m tests.bench.year [--events N] [--intakes N]` prints `{"events": …, "seconds": …, "lost": …, "doubled": …,
…}` as its last line and writes it to `bench-results/year.json`. It exits 1 where anything was lost or doubled, or the
target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

import asyncpg
import msgspec
import structlog
import yaml
from aiokafka import AIOKafkaConsumer

from shared.events import Topic
from tests.bench import england, feed
from tests.bench.deployed import PROGRAMME, Deployed, deployed
from tests.bench.stage import say
from tests.support.eventually import eventually

log = structlog.get_logger()

WEEKS = 52
ARRIVALS = {"assessment-team": 1700, "front-door": 5200, "neglect": 900, "risk": 2400, "repeat-section-47": 500}
"""A week of England in each theme, which the programme would expect before it has a week to learn from."""
TARGET_SECONDS = 60.0
STALLED_SECONDS = 120.0
"""Without an event handled, what is missing is counted as lost."""
POLL_SECONDS = (0.25, 5.0)
"""How long until the next look: half of what the rest should take. Who looks takes from the two cores, too."""
NOBODY_HAS_SO_LITTLE_TIME = 0.25
"""Hours an audit: the scaled targets are more than four auditors could do, and that is not what is measured."""

TABLES = (
    "CREATE TABLE sent (key text PRIMARY KEY)",
    "CREATE TABLE told (assessment_id uuid NOT NULL, version int NOT NULL)",
)
COMPARE = """
WITH said AS (SELECT assessment_id, count(*) AS times, count(DISTINCT version) AS versions FROM told GROUP BY 1),
decided AS (SELECT assessment_id, count(*) AS times FROM audit.decision GROUP BY 1),
recorded AS (SELECT sender_id, min(assessment_id::text)::uuid AS assessment_id, count(*) AS times
    FROM intake.work GROUP BY 1)
SELECT count(*) FILTER (WHERE key IS NOT NULL
        AND (recorded.times IS NULL OR said.times IS NULL OR decided.times IS NULL)) AS lost,
    count(*) FILTER (WHERE key IS NULL OR recorded.times > 1 OR said.times > said.versions OR decided.times > 1)
        AS doubled,
    count(*) FILTER (WHERE said.versions > 1) AS retold
FROM sent FULL JOIN recorded ON recorded.sender_id = sent.key FULL JOIN said USING (assessment_id)
FULL JOIN decided USING (assessment_id)
"""
DRAWN = """
SELECT (SELECT count(*) FROM audit.decision WHERE theme_id IS NOT NULL) AS candidates,
    (SELECT count(*) - count(DISTINCT (theme_id, week, sequence)) FROM audit.decision WHERE theme_id IS NOT NULL)
        AS out_of_sequence,
    (SELECT sum(done) FROM audit.theme) AS drawn, (SELECT sum(target) FROM audit.theme) AS target,
    (SELECT sum(drawn) FROM audit.theme_week WHERE closed) AS drawn_in_closed_weeks,
    (SELECT sum(want + before)::bigint FROM (SELECT DISTINCT ON (theme_id) want, coalesce(sum(drawn) OVER
        (PARTITION BY theme_id ORDER BY week ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
        FROM audit.theme_week WHERE closed ORDER BY theme_id, week DESC) AS latest) AS wanted_in_closed_weeks,
    (SELECT count(DISTINCT week) FROM audit.theme_week WHERE closed) AS weeks_closed
"""


@dataclass(frozen=True)
class Took:
    """What the stretch between the first batch and the last took."""

    seconds: float
    cpu_seconds: dict[str, float]
    rss_mb: dict[str, int]
    load: float


class Told(msgspec.Struct):
    """What of a recorded assessment is compared."""

    assessment_id: str
    version: int = 1


def scaled_themes() -> list[dict[str, object]]:
    """The briefing's themes, wanting in a year at the pace of its twelve weeks, with England's arrivals expected."""
    stated = yaml.safe_load(PROGRAMME.read_text(encoding="utf-8"))
    scale = WEEKS / stated["weeks"]
    return [
        theme | {"target": round(theme["target"] * scale), "expected_a_week": ARRIVALS[theme["theme"]]}
        for theme in stated["themes"]
    ]


async def run(stack: Deployed, events: int, intakes: int) -> dict[str, object]:
    """Fill the topic, let the two services work it off, compare."""
    servers = stack.servers
    await feed.publish_all(servers.kafka.bootstrap, england.finished_work(events, england.BEGAN))
    stack.start("audit", "tests.bench.replay:app")
    stack.open_programme(
        opens_on=england.BEGAN, weeks=WEEKS, themes=scaled_themes(), hours_an_audit=NOBODY_HAS_SO_LITTLE_TIME
    )
    # Audit has all its consumers in their groups, and was told the first weeks; the clock sees intake's first batch,
    # whichever of them it is
    starting = asyncio.create_task(asyncio.to_thread(stack.start, "intake", replicas=intakes))
    took = await until_done(stack, events)
    await starting
    stack.stop()
    found = await compared(servers.database.superuser_url, servers.kafka.bootstrap, events)
    return {
        "events": events,
        "intakes": intakes,
        "seconds": round(took.seconds, 1),
        **found,
        "cpu_us_per_event": round(sum(took.cpu_seconds.values()) / events * 1e6, 1),
        "cpu_us_by_process": {name: round(spent / events * 1e6, 1) for name, spent in took.cpu_seconds.items()},
        "max_rss_mb": max(took.rss_mb.values()),
        "rss_mb": took.rss_mb,
        "events_per_second": round(events / took.seconds),
        "load_before": took.load,
    }


async def until_done(stack: Deployed, events: int) -> Took:
    """Watch both services until every event is handled and said, or until nothing moves any more."""
    load = round(os.getloadavg()[0], 2)
    await eventually(lambda: handled(stack, "intake") > 0, timeout=60)
    began, cpu = time.monotonic(), stack.cpu_by_process()
    async with Waiting.at(stack) as waiting:
        moved_at, before = began, (0.0, 0.0)
        while not await waiting.is_done(events):
            at = (handled(stack, "intake"), handled(stack, "audit"))
            moved_at = time.monotonic() if at != before else moved_at
            if time.monotonic() - moved_at > STALLED_SECONDS:
                log.error("nothing_moves", intake=at[0], audit=at[1])
                break
            before = at
            await asyncio.sleep(_until_next_look(time.monotonic() - began, min(at) / events))
        took = time.monotonic() - began
        spent = {name: so_far - cpu[name] for name, so_far in stack.cpu_by_process().items()}
        return Took(took, spent, stack.rss_mb(), load)


def _until_next_look(seconds: float, done: float) -> float:
    shortest, longest = POLL_SECONDS
    return min(longest, max(shortest, seconds * (1 / done - 1) / 2)) if done else shortest


def handled(stack: Deployed, name: str) -> float:
    """How many records a service has settled. What came again, because another replica joined, counts once."""
    topic = Topic.CMS_ASSESSMENTS if name == "intake" else Topic.ASSESSMENTS
    consumer = f"{name}:{topic.value}"
    settled = stack.measure(name, "caseloop_events_total", consumer=consumer)
    return settled - stack.measure(name, "caseloop_events_total", consumer=consumer, outcome="duplicate")


@dataclass
class Waiting:
    """What is still under way."""

    stack: Deployed
    database: asyncpg.Connection[asyncpg.Record]
    kafka: AIOKafkaConsumer
    said: int | None = None
    """How many records intake's topic holds, once nothing more is coming."""

    @classmethod
    @asynccontextmanager
    async def at(cls, stack: Deployed) -> AsyncIterator[Self]:
        """Connected to the servers."""
        database = await asyncpg.connect(_plain(stack.servers.database.superuser_url))
        async with AIOKafkaConsumer(
            Topic.ASSESSMENTS.value, bootstrap_servers=stack.servers.kafka.bootstrap, enable_auto_commit=False
        ) as kafka:
            yield cls(stack, database, kafka)
        await database.close()

    async def is_done(self, events: int) -> bool:
        """Whether intake has taken and said everything, and audit all of that."""
        if self.said is None and handled(self.stack, "intake") >= events and not await self._is_waiting("intake"):
            self.said = sum((await self.kafka.end_offsets(self.kafka.assignment())).values())
        return (
            self.said is not None and handled(self.stack, "audit") >= self.said and not await self._is_waiting("audit")
        )

    async def _is_waiting(self, service: str) -> bool:
        return bool(await self.database.fetchval(f"SELECT EXISTS (SELECT 1 FROM {service}.outbox)"))


async def compared(superuser_url: str, bootstrap: str, events: int) -> dict[str, object]:
    """The key sets of what was sent, recorded, said and decided, compared in the database."""
    connection = await asyncpg.connect(_plain(superuser_url))
    for table in TABLES:
        await connection.execute(table)
    keys = ((key,) for key in england.sender_ids("", 0, events))
    await connection.copy_records_to_table("sent", records=keys)
    await _copy_told(connection, bootstrap)
    found = dict((await connection.fetch(COMPARE))[0]) | dict((await connection.fetch(DRAWN))[0])
    await connection.close()
    found["doubled"] += found.pop("out_of_sequence")
    return found


async def _copy_told(connection: asyncpg.Connection[asyncpg.Record], bootstrap: str) -> None:
    """Every assessment recorded on intake's topic, once for each time that it was said."""
    decode = msgspec.json.Decoder(Told).decode
    async with AIOKafkaConsumer(
        Topic.ASSESSMENTS.value, bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    ) as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        left = sum(ends.values()) - sum((await consumer.beginning_offsets(list(ends))).values())
        while left > 0:
            batches = await consumer.getmany(timeout_ms=1000, max_records=10_000)
            records = [record for batch in batches.values() for record in batch]
            left -= len(records)
            read: Iterable[Told] = (
                decode(record.value) for record in records if ("ce_type", b"AssessmentRecorded") in record.headers
            )
            await connection.copy_records_to_table("told", records=[(one.assessment_id, one.version) for one in read])


def _plain(url: str) -> str:
    return url.replace("+asyncpg", "")


def main() -> None:
    """Measure and say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=england.YEAR)
    parser.add_argument("--intakes", type=int, default=2, choices=range(1, 5))
    asked = parser.parse_args()
    with deployed() as stack:
        result = asyncio.run(run(stack, asked.events, asked.intakes))
    say("year", result)
    exact = not result["lost"] and not result["doubled"]
    raise SystemExit(0 if exact and float(str(result["seconds"])) <= TARGET_SECONDS else 1)


if __name__ == "__main__":
    main()
