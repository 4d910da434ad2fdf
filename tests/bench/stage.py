"""The intake stage beside its floor, in one run on one machine: the ratio holds better than the figures.

`python -m tests.bench.stage [--events N]` starts a Kafka and a PostgreSQL of its own. It measures the floor, the
messaging with a handler of the floor's shape, and intake itself, each in a process of its own. `cpu_us_per_event` is
that of intake's process, Kafka and PostgreSQL together.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from deploy.local import topics
from deploy.local.postgres import NOT_DURABLE
from deploy.local.reaper import Reaper
from shared.migrate import upgrade
from tests.bench import feed, floor
from tests.bench.directory import know_directory
from tests.support.backend import Database, KafkaForTests, home, kafka_for_tests, postgres_for_tests, reaping

RESULTS = Path("bench-results")
STAGE = "CREATE TABLE stage (id uuid PRIMARY KEY, child text, started_on date, worker text)"


@dataclass(frozen=True)
class Bench:
    """Servers for a measurement, with the topics of the stack and a migrated database."""

    kafka: KafkaForTests
    database: Database
    folder: Path
    servers: tuple[int, ...]
    reaper: Reaper

    def work(self, what: str, service: str, events: int) -> dict[str, float]:
        """Run one process through so many events: what it took, with the CPU of everything."""
        before = self.server_cpu()
        outcome = subprocess.run(
            [sys.executable, "-m", "tests.bench.work", what, *self.address(service), str(events)],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(self.folder),
            check=True,
        )
        took: dict[str, float] = json.loads(outcome.stdout.splitlines()[-1])
        took["cpu_us_per_event"] = (took["cpu_seconds"] + self.server_cpu() - before) / events * 1e6
        return took

    def address(self, service: str) -> tuple[str, str]:
        """Where Kafka and the service's database are."""
        return self.kafka.bootstrap, self.database.url(service)

    def server_cpu(self) -> float:
        """The CPU seconds that Kafka and PostgreSQL have used so far."""
        return sum(cpu(server) for server in self.servers)


@contextmanager
def bench(*services: str, settings: Mapping[str, str] = NOT_DURABLE) -> Iterator[Bench]:
    """Kafka and PostgreSQL, started for the measurement and stopped after it; PostgreSQL with these settings."""
    with (
        home() as folder,
        reaping() as reaper,
        kafka_for_tests(folder, reaper) as kafka,
        postgres_for_tests(folder, reaper, settings=settings) as postgres,
    ):
        database = postgres.create()
        for service in services:
            upgrade(service, database.url(service))
        asyncio.run(topics.apply(kafka.bootstrap, topics.declared()))
        (folder / "key").write_text("k" * 32)
        running = [server.running for server in (kafka.server, postgres.server) if server is not None]
        servers = tuple(one.process.pid for one in running if one is not None)
        yield Bench(kafka, database, folder, servers, reaper)


def environment(folder: Path) -> dict[str, str]:
    """What a service is told, beside its addresses."""
    keys = {f"CASELOOP_{name}_KEY_FILE": str(folder / "key") for name in ("SESSION", "PSEUDONYM")}
    return {**os.environ, **keys, "CASELOOP_COUNCIL": "999"}


def say(name: str, result: dict[str, object]) -> None:
    """Write the result beside earlier ones, and print it as the last line."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))  # noqa: T201


def measure(events: int) -> dict[str, object]:
    """Floor, messaging, intake, and the floor again: a machine that changes meanwhile shows."""
    with bench("intake") as servers:
        asyncio.run(servers.kafka.create(floor.OUT))
        asyncio.run(feed.publish(servers.kafka.bootstrap, 0, events))
        servers.database.psql(f"SET ROLE caseloop_intake; SET search_path = intake; {STAGE}")
        know_directory(servers.database, "intake")
        first = servers.work("floor", "audit", events)
        messaging = servers.work("messaging", "intake", events)
        intake = servers.work("intake", "intake", events)
        servers.database.psql("DROP TABLE audit.floor")
        second = servers.work("floor", "audit", events)
    ground = (first["seconds"] + second["seconds"]) / 2
    return {
        "ratio_to_floor": round(ground / intake["seconds"], 3),
        "events_per_second": round(events / intake["seconds"]),
        "cpu_us_per_event": round(intake["cpu_us_per_event"], 1),
        "messaging_ratio_to_floor": round(ground / messaging["seconds"], 3),
        "messaging_events_per_second": round(events / messaging["seconds"]),
        "messaging_cpu_us_per_event": round(messaging["cpu_us_per_event"], 1),
        "floor_events_per_second": [round(events / one["seconds"]) for one in (first, second)],
        "floor_cpu_us_per_event": round((first["cpu_us_per_event"] + second["cpu_us_per_event"]) / 2, 1),
        "max_rss_mb": intake["max_rss_mb"],
        "events": events,
    }


def cpu(process_id: int) -> float:
    """The CPU seconds of a process and of all that it has started."""
    process = psutil.Process(process_id)
    used = process.cpu_times()
    taken = float(used.user + used.system + used.children_user + used.children_system)
    for child in process.children(recursive=True):
        # One that ends meanwhile is counted among its parent's the next time
        with suppress(psutil.NoSuchProcess):
            taken += float(child.cpu_times().user + child.cpu_times().system)
    return taken


def main() -> None:
    """Measure and say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--json", action="store_true", help="nothing but the result; it is always the last line")
    say("stage", measure(parser.parse_args().events))


if __name__ == "__main__":
    main()
