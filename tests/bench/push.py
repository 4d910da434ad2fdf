"""`make bench-push`: how long intake takes to answer a push of a hundred children of whom it has never heard.

Prints `{"p50_ms": …, "p95_ms": …, "cpu_us_per_child": …, "no_disk_p50_ms": …, …}` as its last line and writes it to
`bench-results/push.json`. The application answers in this process, through its whole stack of middleware, over a real
PostgreSQL: once that waits for the disk, as deployed, and once that does not, as in all tests. The CPU is this
process's, without PostgreSQL's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from services.intake import senders
from services.intake.app import build
from services.intake.domain.dfe import MOST_CHILDREN
from services.intake.settings import Settings
from shared.db import create_engine, sessions
from shared.migrate import upgrade
from shared.service import settle_memory
from tests.bench.stage import RESULTS
from tests.support.backend import Database, home, postgres_for_tests, reaping
from tests.support.clients import ORIGIN

ADDRESS = "/intake/children_social_care_data/999/children"
TARGET_MS = 150.0
WARMING = 5


def a_child(number: int, today: datetime) -> dict[str, object]:
    """A child with a referral, an assessment that is authorised, and a plan: three things to tell and two around."""
    started = str((today - timedelta(days=40 + number % 300)).date())
    ended = str((today - timedelta(days=3 + number % 30)).date())
    return {
        "la_child_id": str(number),
        "child_details": {"first_name": "Ann", "surname": "Other", "date_of_birth": "2016-05-04"},
        "social_care_episodes": [
            {
                "social_care_episode_id": f"E{number}",
                "referral_date": started,
                "referral_no_further_action_flag": False,
                "care_worker_details": [{"worker_id": f"W{number % 96}", "start_date": started}],
                "child_and_family_assessments": [
                    {
                        "child_and_family_assessment_id": f"A{number}",
                        "start_date": started,
                        "authorisation_date": ended,
                        "factors": ["16A", "3B"],
                    }
                ],
                "child_protection_plans": [{"child_protection_plan_id": f"P{number}", "start_date": ended}],
            }
        ],
    }


async def measure(settings: Settings, pushes: int) -> tuple[list[float], float]:
    """Milliseconds of each push, once the first few have warmed everything up; and microseconds of CPU for a child."""
    engine = create_engine(settings.database_url)
    async with sessions(engine)() as session, session.begin():
        _, token = await senders.add(session, "Bench", "bench", datetime.now(UTC))
    await engine.dispose()
    app = build(settings)
    transport = httpx.ASGITransport(app=app)
    settle_memory()
    taken: list[float] = []
    spent: list[float] = []
    async with httpx.AsyncClient(
        transport=transport, base_url=ORIGIN, headers={"authorization": f"Bearer {token}"}
    ) as supplier:
        for push in range(WARMING + pushes):
            first = push * MOST_CHILDREN
            body = json.dumps([a_child(first + each, datetime.now(UTC)) for each in range(MOST_CHILDREN)])
            began, before = time.perf_counter(), time.process_time()
            answer = await supplier.post(ADDRESS, content=body, headers={"content-type": "application/json"})
            taken.append((time.perf_counter() - began) * 1000)
            spent.append(time.process_time() - before)
            answer.raise_for_status()
    await app.state.service.engine.dispose()
    return taken[WARMING:], statistics.median(spent[WARMING:]) / MOST_CHILDREN * 1e6


def run(folder: Path, database: Database, pushes: int) -> dict[str, float]:
    """Measure on a fresh database."""
    upgrade("intake", database.url("intake"))
    for name in ("pseudonym", "session"):
        (folder / f"{name}.key").write_bytes(b"k" * 64)
    settings = Settings(
        database_url=database.url("intake"),
        session_key_file=folder / "session.key",
        pseudonym_key_file=folder / "pseudonym.key",
        pushes_at_once=WARMING + pushes,
    )
    taken, cpu = asyncio.run(measure(settings, pushes))
    percentiles = statistics.quantiles(taken, n=100, method="inclusive")
    return {"p50_ms": round(percentiles[49], 1), "p95_ms": round(percentiles[94], 1), "cpu_us_per_child": round(cpu)}


def main() -> None:
    """Measure; exit 1 where the target is missed."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--pushes", type=int, default=100)
    wanted = asked.parse_args()
    with home() as folder, reaping() as reaper, postgres_for_tests(folder, reaper, settings={}) as postgres:
        measured = run(folder, postgres.create(), wanted.pushes)
    with home() as folder, reaping() as reaper, postgres_for_tests(folder, reaper) as postgres:
        without = run(folder, postgres.create(), wanted.pushes)
    measured |= {f"no_disk_{name}": without[name] for name in ("p50_ms", "p95_ms")}
    said = json.dumps({"pushes": wanted.pushes, "children": MOST_CHILDREN, **measured})
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "push.json").write_text(said + "\n")
    sys.stdout.write(said + "\n")
    raise SystemExit(0 if measured["p95_ms"] <= TARGET_MS else 1)


if __name__ == "__main__":
    main()
