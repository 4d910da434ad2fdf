"""A fresh, migrated database for one service, in some 20 ms: a copy of a template made once in the run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db import create_engine
from shared.migrate import upgrade
from tests.support.backend import Database, PostgresForTests

ServiceDatabase = Callable[[str], Awaitable[AsyncEngine]]


def migrated(postgres: PostgresForTests, *services: str) -> str:
    """The name of a template in which the schemas of these services are up to date."""

    def prepare(database: Database) -> None:
        for service in services:
            upgrade(service, database.url(service))

    return postgres.template("_".join(services), prepare)


@pytest.fixture
async def database(postgres: PostgresForTests) -> AsyncIterator[ServiceDatabase]:
    """Call it with a service's name: an engine on a fresh database of that service, under its own role."""
    made: list[tuple[Database, AsyncEngine]] = []

    async def create(service: str) -> AsyncEngine:
        # In a thread, for migrations run a loop of their own
        fresh = postgres.create(await asyncio.to_thread(migrated, postgres, service))
        engine = create_engine(fresh.url(service))
        made.append((fresh, engine))
        return engine

    yield create
    for fresh, engine in made:
        await engine.dispose()
        postgres.drop(fresh)
