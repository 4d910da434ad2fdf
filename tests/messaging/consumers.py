"""Every consumer of every service, and what its effects come to: the cases of the conformance suite."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.messaging import Consumer, EventRouter, Subscription
from shared.messaging.codec import StoredRecord
from shared.service import with_people
from tests.contracts.vocabulary import golden_record
from tests.support.backend import SERVICES

OUR_OWN = frozenset({"alembic_version", "lease", "opened_day"})
"""Tables that say nothing about effects."""


@dataclass(frozen=True)
class Case:
    """One consumer of one service."""

    service: str
    subscription: Subscription

    def __str__(self) -> str:
        return self.subscription.name

    def consumer(self, engine: AsyncEngine) -> Consumer:
        """A replica of it."""
        return Consumer(self.subscription, engine)

    def golden(self) -> list[StoredRecord]:
        """One golden record of each event that it listens for, in the order of the vocabulary."""
        return [golden_record(event, offset) for offset, event in enumerate(self.subscription.events)]


def router_of(service: str) -> EventRouter:
    """What a service listens for, its copy of people included."""
    router: EventRouter = import_module(f"services.{service}.handlers").router
    return router if service == "intake" else with_people(router)


CASES = [Case(service, subscription) for service in SERVICES for subscription in router_of(service).subscriptions]


@dataclass(frozen=True)
class Effects:
    """What a consumer left behind: rows by table, and what it said, without identities minted on the way."""

    rows: dict[str, int]
    said: Counter[tuple[str, str]]


async def effects(engine: AsyncEngine) -> Effects:
    """What stands in the service's schema now."""
    async with engine.connect() as connection:
        names = (
            await connection.execute(
                text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename")
            )
        ).scalars()
        rows = {
            name: int((await connection.execute(text(f'SELECT count(*) FROM "{name}"'))).scalar_one())
            for name in names
            if name not in OUR_OWN
        }
        said: Any = (await connection.execute(text("SELECT type, key FROM outbox"))).all()
    return Effects(rows, Counter((row.type, row.key) for row in said))


async def rows_of(engine: AsyncEngine, table: str) -> int:
    """How many rows a table has."""
    async with engine.connect() as connection:
        return int((await connection.execute(text(f'SELECT count(*) FROM "{table}"'))).scalar_one())
