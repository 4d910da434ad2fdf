"""Every route of every service, as every role, against the access matrix: what is not yours is not there."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from shared.access import Role, Scope, sessions
from shared.access.scope import roles_of
from shared.db import create_engine
from shared.migrate import upgrade
from shared.web.assets import PREFIX
from shared.web.errors import ProgramRoute
from shared.web.navigation import CONCERNS, PLACES, Place
from tests.contracts.access_matrix import EVERYBODY, MATRIX, PUBLIC, Row
from tests.support.backend import Database, PostgresForTests
from tests.support.clients import client, client_as

SERVICES = tuple(MATRIX)
ABSENT = UUID(int=0)
SILENT = frozenset({"/live"})
"""How a stream's address ends: it never ends itself, so who may see it is shown by the browser tests."""


@dataclass(frozen=True)
class Door:
    """One route: its method and template, and the roles that its `allow` lets in."""

    method: str
    path: str
    roles: Row
    is_a_programs: bool
    """Whether no browser asks it: it answers in JSON, whatever is accepted."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def address(self) -> str:
        """An address that the route takes; of an object, one that does not exist."""
        return "/".join(str(ABSENT) if part.startswith("{") else part for part in self.path.split("/"))

    @property
    def is_stream(self) -> bool:
        return any(self.path.endswith(ending) for ending in SILENT)


def application(service: str) -> FastAPI:
    app: FastAPI = importlib.import_module(f"services.{service}.app").app
    return app


def doors(app: FastAPI) -> Iterator[Door]:
    """Every route of an application but the assets, which are everybody's."""
    for context in iter_route_contexts(app.routes):
        path = str(context.path)
        if path == PREFIX:
            continue
        let_in: Row = PUBLIC
        for dependency in getattr(context, "dependencies", None) or ():
            roles = roles_of(dependency.dependency)
            if roles is not None:
                narrowed = frozenset(Role(role) for role in roles) or EVERYBODY
                let_in = narrowed if let_in is None else let_in & narrowed
        for method in sorted(set(context.methods or ()) - {"HEAD"}):
            is_a_programs = path.endswith(".json") or isinstance(getattr(context, "route", None), ProgramRoute)
            yield Door(method, path, let_in, is_a_programs)


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_has_a_row_and_every_row_a_route(service: str) -> None:
    served = {door.name for door in doors(application(service))}
    assert sorted(served - set(MATRIX[service])) == [], "routes without a row"
    assert sorted(set(MATRIX[service]) - served) == [], "rows without a route"


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_lets_in_whom_its_row_names(service: str) -> None:
    rows = MATRIX[service]
    declared = {door.name: door.roles for door in doors(application(service))}
    wrong = {
        name: (sorted(declared[name] or ()), sorted(rows[name] or ()))
        for name in declared.keys() & rows.keys()
        if declared[name] != rows[name]
    }
    assert wrong == {}


@pytest.fixture(scope="module", params=SERVICES)
async def served(
    request: pytest.FixtureRequest, postgres: PostgresForTests, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[FastAPI]:
    """The application of one service on an empty database of its own, its background work not started."""
    service: str = request.param
    # In a thread, because Alembic's run starts a loop of its own.
    template = await asyncio.to_thread(postgres.template, f"access_{service}", lambda fresh: _migrate(service, fresh))
    database = postgres.create(template)
    key = tmp_path_factory.mktemp(service) / "session.key"
    key.write_text("k" * sessions.MINIMUM_KEY_BYTES)
    app = application(service)
    running = app.state.service
    engine, key_before = running.engine, running.settings.session_key_file
    running.engine = create_engine(database.url(service))
    running.settings.session_key_file = key
    if hasattr(app.state, "names"):
        del app.state.names
    yield app
    await running.engine.dispose()
    running.engine, running.settings.session_key_file = engine, key_before
    if hasattr(app.state, "names"):
        del app.state.names
    postgres.drop(database)


def _migrate(service: str, database: Database) -> None:
    upgrade(service, database.url(service))


def rows_of(app: FastAPI) -> list[tuple[Door, frozenset[Role]]]:
    """The routes that ask for a role; last the one that ends the session of whoever asks."""
    rows = MATRIX[app.title.removeprefix("Caseloop ")]
    asked = [(door, row) for door in doors(app) if (row := rows.get(door.name)) is not None]
    return sorted(asked, key=lambda each: each[0].path.endswith("/sign-out-everywhere"))


async def test_signed_out_a_page_leads_to_sign_in_and_a_program_is_told_so(served: FastAPI) -> None:
    async with client(served) as nobody:
        answers = {
            door.name: (await nobody.request(door.method, door.address)).status_code for door, _ in rows_of(served)
        }
    expected = {door.name: 401 if door.is_a_programs else 303 for door, _ in rows_of(served)}
    assert answers == expected


@pytest.mark.parametrize("role", list(Role), ids=lambda role: str(role.value))
async def test_a_role_finds_what_it_may_use_and_nothing_else(served: FastAPI, role: Role) -> None:
    wrong: dict[str, int] = {}
    async with await client_as(served, role) as browser:
        for door, row in rows_of(served):
            if role in row and door.is_stream:
                continue
            status = (await browser.request(door.method, door.address)).status_code
            if not _is_right(door, status, may=role in row):
                wrong[door.name] = status
    assert wrong == {}


def _is_right(door: Door, status: int, *, may: bool) -> bool:
    """Who may not finds nothing. Who may finds the page; of an object that does not exist, nothing either."""
    if not may:
        return status == 404
    return status < 500 and (status != 404 or "{" in door.path)


def test_the_matrix_leaves_case_content_from_administrators_and_boards() -> None:
    """An administrator runs the system and sees no case; the board sees figures, never an audit or an action."""
    for rows in MATRIX.values():
        for name, row in rows.items():
            if row is not PUBLIC and "{audit_id}" in name:
                assert row.isdisjoint({Role.ADMINISTRATOR, Role.BOARD, Role.SPONSOR, Role.BUSINESS_SUPPORT}), name
            if row is not PUBLIC and "{action_id}" in name:
                assert row.isdisjoint({Role.ADMINISTRATOR, Role.BOARD, Role.SPONSOR}), name


def test_nobody_is_let_in_by_a_folder_that_has_no_service() -> None:
    assert {path.parent.name for path in Path("services").glob("*/app.py")} <= set(SERVICES)


@pytest.mark.parametrize("place", [*PLACES, CONCERNS], ids=lambda place: place.label)
def test_the_header_leads_everybody_to_what_they_may_use(place: Place) -> None:
    rows = {name: row for service in MATRIX.values() for name, row in service.items()}
    for role in Role:
        start = place.start(Scope("somebody", "Somebody", frozenset({role.value})))
        if start is not None:
            row = rows.get(f"GET {start}")
            assert row is not PUBLIC, f"{start} is not served"
            assert role in row, f"{role.value} is led to {start}"
