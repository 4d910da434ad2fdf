"""A small application with real people in a real database: enough to ask who may see what."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi import FastAPI, HTTPException
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.responses import HTMLResponse

from shared.access import CurrentScope, Role, allow
from shared.access.tables import METADATA
from shared.clock import Clock, FixedClock
from shared.db import create_engine
from shared.messaging.tables import OUTBOX
from shared.web import Page, guidance, install
from tests.support.backend import PostgresForTests

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass
class Settings:
    """As much of a service's settings as access reads."""

    session_key_file: Path


@dataclass
class Service:
    """As much of a deployment as access and pages need."""

    engine: AsyncEngine
    settings: Settings
    clock: Clock


@pytest.fixture(scope="package")
async def people_engine(postgres: PostgresForTests) -> AsyncIterator[AsyncEngine]:
    """A copy of people in a database that these tests share."""
    database = postgres.create()
    engine = create_engine(database.url("audit"))
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
        await connection.run_sync(OUTBOX.create)
    yield engine
    await engine.dispose()
    postgres.drop(database)


@pytest.fixture
async def engine(people_engine: AsyncEngine) -> AsyncEngine:
    """The same, empty."""
    async with people_engine.begin() as connection:
        await connection.execute(sa.text("TRUNCATE person, team, trail, outbox"))
    return people_engine


@pytest.fixture
def app(engine: AsyncEngine, tmp_path: Path) -> FastAPI:
    """A page for auditors, one for anybody signed in, and one that breaks."""
    key = tmp_path / "session.key"
    key.write_text("k" * 32)
    app = FastAPI(openapi_url=None)
    app.state.service = Service(engine, Settings(key), FixedClock(NOON))
    install(app, templates=None, council="Council 999", origin="http://127.0.0.1:8080")
    app.include_router(guidance.router)

    @app.get("/audit/inbox", dependencies=[allow(Role.AUDITOR, Role.QA_MANAGER)])
    async def inbox(page: Page) -> HTMLResponse:
        return page("caseloop/help.html", title="Audits")

    @app.get("/whoami.json", dependencies=[allow()])
    async def whoami(scope: CurrentScope) -> dict[str, object]:
        return {
            "person_id": scope.person_id,
            "roles": sorted(scope.roles),
            "teams": sorted(scope.teams),
            "services": sorted(scope.services),
            "own_teams": sorted(scope.own_teams),
        }

    @app.post("/audit/inbox", dependencies=[allow(Role.AUDITOR)])
    async def change() -> dict[str, bool]:
        return {"changed": True}

    @app.get("/audit/cases/{number}", dependencies=[allow(Role.AUDITOR)])
    async def case(number: int) -> dict[str, int]:
        return {"number": number}

    @app.post("/refused")
    async def refused(status: int) -> None:
        raise HTTPException(status, "A sender has this name already")

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the row of Ada Cole broke this")

    return app
