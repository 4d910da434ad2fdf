"""A migrated database of audit's own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db import create_engine
from shared.migrate import upgrade
from tests.support.backend import Database, PostgresForTests


@pytest.fixture(scope="session")
def migrated(postgres: PostgresForTests) -> str:
    """The name of a template whose audit schema is up to date."""
    return postgres.template("audit", lambda database: upgrade("audit", database.url("audit")))


@pytest.fixture
def database(migrated: str, fresh_database: Callable[..., Database]) -> Database:
    """A database of one's own."""
    return fresh_database(migrated)


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    """An engine under audit's role."""
    made = create_engine(database.url("audit"))
    yield made
    await made.dispose()
