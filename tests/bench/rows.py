"""`make bench-rows`: what an event costs in intake and in audit with 0.1, 1 and 5 million stored before it.

A few thousand events are recorded and decided first, and their rows are then multiplied in the database under ids of
their own, so that what is stored is spread as it really is: work of some children, decisions of earlier weeks, one
audit for some hundreds of decisions, everything that the inboxes have taken. At each size intake and audit then take
fresh events, each in a process of its own. CPU is that of the process, Kafka and PostgreSQL together.

`python -m tests.bench.rows [--rows 100000 1000000 5000000]` prints `{"rows": […], "intake": {…}, "audit": {…}}` as its
last line, with the ratio of the last size to the first, and writes it to `bench-results/rows.json`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
import yaml

from services.audit import opening
from shared.db import create_engine, sessions
from shared.messaging import outbox
from tests.bench import england, feed
from tests.bench.deployed import NAMES, PROGRAMME
from tests.bench.directory import know_directory
from tests.bench.stage import Bench, bench, say

log = structlog.get_logger()

SIZES = (100_000, 1_000_000, 5_000_000)
SAMPLE, WARMING, EVENTS = 4_000, 4_000, 30_000
ROUNDS = 2
"""Of which the cheaper counts: what else the machine does only adds."""
DAYS = 4
"""Over which fresh events are spread: within the near-live window."""
CHILDREN = 3
"""Pieces of work of one child."""
DECISIONS_AN_AUDIT, DECISIONS_A_BATCH, WEEKS = 400, 200, 250


@dataclass(frozen=True)
class Copies:
    """A table of which rows are multiplied: one for so many numbers, with these columns made anew from the number."""

    table: str
    anew: Mapping[str, str]
    every: int = 1


def _id(kind: str, number: str = "n") -> str:
    return f"md5('{kind}' || {number})::uuid"


CHILD = _id("child", f"n / {CHILDREN}")
STORED = (
    Copies("intake.work", {"assessment_id": _id("work"), "child_id": CHILD, "sender_id": "'stored-' || n"}),
    Copies("intake.child", {"child_id": _id("child"), "case_id": "'stored-' || n"}, CHILDREN),
    Copies("intake.inbox", {"event_id": _id("sent")}),
    Copies(
        "audit.decision",
        {"assessment_id": _id("work"), "child_id": CHILD, "week": f"CASE WHEN week IS NOT NULL THEN -n % {WEEKS} END"},
    ),
    Copies("audit.inbox", {"event_id": _id("told")}),
    Copies("audit.child_link", {"child_id": _id("child"), "case_id": "'stored-' || n"}, CHILDREN),
    Copies("audit.draw_log", {"programme_id": _id("programme")}, DECISIONS_A_BATCH),
    Copies(
        "audit.audit",
        {
            "audit_id": _id("audit"),
            "assessment_id": _id("work"),
            "child_id": _id("child"),
            "state": "'completed'",
            "completed_at": "now()",
            "completed_on": "current_date",
            "sampled_on": "sampled_on - 100",
        },
        DECISIONS_AN_AUDIT,
    ),
)


def multiply(servers: Bench, copies: Copies, first: int, last: int) -> None:
    """Store copies for the numbers from `first` up to `last`, that excluded, in the order of their keys."""
    schema, table = copies.table.split(".")
    listed = servers.database.psql(
        f"SELECT column_name FROM information_schema.columns WHERE table_schema = '{schema}'"
        f" AND table_name = '{table}' AND is_identity = 'NO' ORDER BY ordinal_position"
    )
    columns = listed.split()
    values = ", ".join(copies.anew.get(column, column) for column in columns)
    source = f"(SELECT *, row_number() OVER () - 1 AS place FROM (SELECT * FROM {copies.table} LIMIT {SAMPLE}) AS few)"
    servers.database.psql(
        f"WITH sample AS MATERIALIZED {source}, size AS (SELECT count(*) AS rows FROM sample)"
        f" INSERT INTO {copies.table} ({', '.join(columns)}) SELECT {values} FROM generate_series("
        f"{first // copies.every}, {last // copies.every} - 1) AS n, size JOIN sample ON true"
        " WHERE place = n % size.rows ORDER BY 1, 2"
    )


def store(servers: Bench, before: int, rows: int) -> None:
    """Let there be so many rows where there were `before`."""
    for copies in STORED:
        multiply(servers, copies, before, rows)
    servers.database.psql("VACUUM ANALYZE")
    servers.database.psql("CHECKPOINT")
    log.info("stored", rows=rows)


async def open_programme(servers: Bench) -> None:
    """The briefing's programme, in force since the day before the fresh events began."""
    stated = yaml.safe_load(PROGRAMME.read_text(encoding="utf-8"))
    began = _began()
    engine = create_engine(servers.database.url("audit"))
    async with sessions(engine)() as session, session.begin():
        _, events = await opening.open_programme(
            session,
            yaml.safe_dump(stated | {"opens_on": began.date()}),
            council="999",
            secret=None,
            by="bench",
            at=began,
        )
        await outbox.store(session, events)
    await engine.dispose()


def _began() -> datetime:
    return datetime.now(UTC) - timedelta(days=DAYS)


def take(servers: Bench, series: str, events: int) -> dict[str, dict[str, float]]:
    """Let intake take so many fresh events, and then audit what intake said of them."""
    asyncio.run(feed.publish_all(servers.kafka.bootstrap, england.finished_work(events, _began().date(), DAYS, series)))
    return {name: servers.work(name, name, events) for name in NAMES}


def measure(sizes: Sequence[int]) -> dict[str, object]:
    """Fill, warm up and measure at each size."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in NAMES}
    with bench(*NAMES) as servers:
        know_directory(servers.database, *NAMES)
        asyncio.run(open_programme(servers))
        take(servers, "sample", SAMPLE)
        for before, rows in zip((0, *sizes), sizes, strict=False):
            store(servers, before, rows)
            take(servers, f"warm{rows}-", WARMING)
            rounds = [take(servers, f"at{rows}-{number}-", EVENTS) for number in range(ROUNDS)]
            for name in NAMES:
                found[name].append(min((took[name] for took in rounds), key=lambda each: each["cpu_us_per_event"]))
    return {"rows": list(sizes), "events": EVENTS, **{name: _told(found[name]) for name in NAMES}}


def _told(took: Sequence[Mapping[str, float]]) -> dict[str, object]:
    costs = [round(each["cpu_us_per_event"], 1) for each in took]
    return {
        "cpu_us_per_event": costs,
        "events_per_second": [round(EVENTS / each["seconds"]) for each in took],
        "ratio": round(costs[-1] / costs[0], 2),
    }


def main() -> None:
    """Measure and say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES)
    load = round(os.getloadavg()[0], 2)
    say("rows", measure(parser.parse_args().rows) | {"load_before": load})


if __name__ == "__main__":
    main()
