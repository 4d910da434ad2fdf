"""A migrated database of audit's own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.audit.app import build
from services.audit.settings import Settings
from shared.clock import FixedClock
from shared.db import create_engine
from shared.migrate import upgrade
from tests.service.audit.playing import MORNING
from tests.support.backend import Database, PostgresForTests


@pytest.fixture(scope="session")
def migrated(postgres: PostgresForTests) -> str:
    """The name of a template whose audit schema is up to date."""
    return postgres.template("audit_known", prepare)


def prepare(database: Database) -> None:
    """Migrate, and let the directory's auditors and teams be known."""
    upgrade("audit", database.url("audit"))
    people = ", ".join(f"('auditor-{n}', 'Auditor {n}', '{{auditor}}')" for n in range(1, 5))
    database.psql(f"INSERT INTO audit.person (person_id, name, roles) VALUES {people}")
    database.psql(
        "INSERT INTO audit.team (team_id, name, kind, service) VALUES"
        " ('assessment-north', 'Assessment North', 'assessment', 'children'),"
        " ('front-door', 'Front Door', 'front_door', 'children')"
    )


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


@pytest.fixture(scope="package")
def built(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """The service, put together once: its templates are compiled for all tests."""
    key = tmp_path_factory.mktemp("keys") / "session.key"
    key.write_text("k" * 40)
    settings = Settings(session_key_file=key, case_link="https://cms.example/case/{case_id}")
    return build(settings, FixedClock(MORNING))


@pytest.fixture
async def app(built: FastAPI, engine: AsyncEngine) -> FastAPI:
    """The service on a database of its own, at the morning of the programme's first day."""
    await built.state.service.engine.dispose()
    built.state.service.engine = engine
    built.state.service.clock.instant = MORNING
    if hasattr(built.state, "names"):
        del built.state.names
    return built
