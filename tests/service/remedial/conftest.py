"""A migrated database of remedial's own for each test, and the council that the tests are about."""

from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db import create_engine
from shared.migrate import upgrade
from tests.support.backend import Database, PostgresForTests


@pytest.fixture(scope="session")
def migrated(postgres: PostgresForTests) -> str:
    """The name of a template whose remedial schema is up to date."""
    return postgres.template("remedial", lambda database: upgrade("remedial", database.url("remedial")))


@pytest.fixture
def database(migrated: str, fresh_database: Callable[..., Database]) -> Database:
    """A database of one's own."""
    return fresh_database(migrated)


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    """An engine under remedial's role."""
    made = create_engine(database.url("remedial"))
    yield made
    await made.dispose()
