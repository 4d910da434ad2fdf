"""A migrated database of reporting's own for each test, the application on it, and a way to tell it what happened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting.app import build
from services.reporting.settings import Settings
from shared.clock import Clock, FixedClock
from shared.db import create_engine
from shared.migrate import upgrade
from tests.service.reporting.telling import NOON
from tests.support.backend import Database, PostgresForTests


@pytest.fixture(scope="session")
def migrated(postgres: PostgresForTests) -> str:
    """The name of a template whose reporting schema is up to date."""
    return postgres.template("reporting", lambda database: upgrade("reporting", database.url("reporting")))


@pytest.fixture
def database(migrated: str, fresh_database: Callable[..., Database]) -> Database:
    """A database of one's own."""
    return fresh_database(migrated)


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    """An engine under reporting's role."""
    made = create_engine(database.url("reporting"))
    yield made
    await made.dispose()


@pytest.fixture
def clock() -> FixedClock:
    """Noon of Tuesday 24 November 2026, until moved."""
    return FixedClock(NOON)


@asynccontextmanager
async def application(database: Database, clock: Clock, folder: Path) -> AsyncIterator[FastAPI]:
    """The service's application on a database; nothing of it runs in the background."""
    key = folder / "session.key"
    key.write_text("k" * 32)
    made = build(Settings(database_url=database.url("reporting"), session_key_file=key), clock)
    yield made
    await made.state.service.engine.dispose()


@pytest.fixture
async def app(database: Database, clock: FixedClock, tmp_path: Path) -> AsyncIterator[FastAPI]:
    """The application on a database of one's own."""
    async with application(database, clock, tmp_path) as made:
        yield made
