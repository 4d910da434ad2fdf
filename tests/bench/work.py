"""One process of a measurement: `python -m tests.bench.work floor|messaging|intake|audit …`, as a service would run."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib import import_module
from uuid import UUID, uuid5

import uvloop
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from shared.db import create_engine
from shared.events import AssessmentRecorded, CmsAssessmentAuthorised, Event
from shared.messaging import EventRouter, Listener, Subscription, consumes
from shared.messaging.broker import build_broker, keep_started, stop
from shared.messaging.consumer import Consumer, Handler
from shared.messaging.relay import Relay
from shared.service import settle_memory
from tests.bench import floor
from tests.bench.watch import Took, Watch, most_memory_mb
from tests.support.eventually import eventually

NAMESPACE = UUID("5f0c8f0e-2f63-5a55-8a86-1c6e5b1f2a10")
STORE = text(
    "INSERT INTO stage SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:children AS text[]), "
    "CAST(:started AS date[]), CAST(:workers AS text[])) ON CONFLICT DO NOTHING RETURNING id"
)

plain = EventRouter("intake")
"""A handler of the same shape as the floor's: what the messaging costs, with no rules in it."""


@consumes(plain, CmsAssessmentAuthorised, suffix="bench")
async def store(published: Sequence[CmsAssessmentAuthorised], session: AsyncSession) -> list[Event]:
    """Store what is new, and say it."""
    read = {uuid5(NAMESPACE, event.id): event for event in published}
    rows = await session.execute(
        STORE,
        {
            "ids": list(read),
            "children": [event.child for event in read.values()],
            "started": [event.started_on for event in read.values()],
            "workers": [event.worker for event in read.values()],
        },
    )
    return [_recorded(stored, read[stored]) for stored in rows.scalars()]


def _recorded(assessment_id: UUID, event: CmsAssessmentAuthorised) -> AssessmentRecorded:
    return AssessmentRecorded(
        occurred_at=event.occurred_at,
        assessment_id=assessment_id,
        child_id=assessment_id,
        council=event.council,
        kind="assessment",
        started_on=event.started_on,
        authorised_on=event.authorised_on,
        worker_id=event.worker,
        team_id=event.team,
        factors=event.factors,
        source="cms",
    )


async def run(router: EventRouter, service: str, bootstrap: str, database_url: str, events: int) -> Took:
    """Let a service's first consumer and its relay take so many events, until the outbox is empty again."""
    engine = create_engine(database_url)
    handled = Progress()
    subscription = router.subscriptions[0]
    watched = EventRouter(service, [replace(subscription, handler=handled.watching(subscription))])
    live = Listener(database_url, service)
    relay = Relay(service, engine, bootstrap, f"caseloop/999/{service}", live)
    broker, consumers = build_broker(watched, engine, bootstrap, CollectorRegistry())
    tasks = [asyncio.create_task(live.run()), asyncio.create_task(relay.run())]
    settle_memory()
    await keep_started(broker, asyncio.Event())
    await eventually(lambda: _is_done(handled, events, consumers, engine), timeout=600)
    took = handled.watch.took()
    await stop(broker)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await engine.dispose()
    return took


class Progress:
    """When the first batch came, and how many events were handled."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.events = 0

    def watching(self, subscription: Subscription) -> Handler:
        """The subscription's handler, watched."""

        async def handle(events: Sequence[Event], session: AsyncSession) -> Sequence[Event]:
            self.watch.begin()
            said = await subscription.handler(events, session)
            self.events += len(events)
            return said

        return handle


async def _is_done(handled: Progress, events: int, consumers: Sequence[Consumer], engine: AsyncEngine) -> bool:
    # A batch that was handled and not committed is not in the outbox yet
    if handled.events < events or any(consumer.busy_since is not None for consumer in consumers):
        return False
    async with engine.connect() as connection:
        return not (await connection.execute(text("SELECT EXISTS (SELECT 1 FROM outbox)"))).scalar_one()


def main() -> None:
    """Work, and print what it took."""
    what, bootstrap, database_url, events = sys.argv[1:5]
    if what == "floor":
        settle_memory()
        work = floor.run(bootstrap, database_url, int(events))
    elif what == "messaging":
        work = run(plain, "intake", bootstrap, database_url, int(events))
    else:
        work = run(import_module(f"services.{what}.handlers").router, what, bootstrap, database_url, int(events))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        took = runner.run(work)
    print(json.dumps({**asdict(took), "max_rss_mb": most_memory_mb()}))  # noqa: T201


if __name__ == "__main__":
    main()
