"""A trial that begins again for each test, in one database: a fresh one would cost more than the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from shared.db import create_engine
from tests.messaging.trial import Trial
from tests.support.backend import Database, PostgresForTests


@pytest.fixture(scope="session")
def trial_database(postgres: PostgresForTests) -> Iterator[Database]:
    """The database of all trials."""
    made = postgres.create()
    yield made
    postgres.drop(made)


@pytest.fixture(scope="session")
async def prepared(trial_database: Database) -> AsyncIterator[Trial]:
    """The trial's tables, under the role of a service."""
    url = trial_database.url("audit")
    engine = create_engine(url)
    made = Trial(engine, url)
    await made.prepare()
    yield made
    await engine.dispose()


@pytest.fixture
async def trial(prepared: Trial) -> Trial:
    """Nothing has happened yet."""
    await prepared.begin_again()
    return prepared
