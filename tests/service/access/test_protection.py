"""What every answer carries, and what is refused whoever asks."""

import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog
from fastapi import FastAPI
from starlette.types import Message

from shared.access import Role, people, trail
from shared.access.scope import Scope
from shared.access.tables import PERSON, TRAIL
from shared.db import create_engine, sessions
from shared.observability import configure_logs
from tests.support.backend import free_ports
from tests.support.clients import client, client_as


async def test_another_sites_post_is_refused(app: FastAPI) -> None:
    browser = await client_as(app, Role.AUDITOR)
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
    ):
        assert (await browser.post("/audit/inbox", headers=headers)).status_code == 403


async def test_the_own_sites_post_is_taken(app: FastAPI) -> None:
    browser = await client_as(app, Role.AUDITOR)
    for headers in ({"sec-fetch-site": "same-origin"}, {"origin": "http://127.0.0.1:8080"}, {}):
        assert (await browser.post("/audit/inbox", headers=headers)).status_code == 200


@pytest.mark.parametrize("path", ["/help", "/nothing", "/broken", "/assets/nothing.css"])
async def test_every_answer_carries_the_security_headers(app: FastAPI, path: str) -> None:
    headers = (await client(app).get(path)).headers
    assert "unsafe" not in headers["content-security-policy"]
    assert "script-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


async def test_pages_are_kept_by_nobody_and_hold_no_inline_script_or_style(app: FastAPI) -> None:
    for path in ("/help", "/accessibility", "/nothing"):
        answer = await client(app).get(path)
        assert answer.headers["cache-control"] == "no-store"
        assert "<style" not in answer.text
        assert " style=" not in answer.text
        assert "<script>" not in answer.text
        assert len(answer.content) < 20_000


async def test_what_a_program_reads_is_kept_by_nobody_either(app: FastAPI) -> None:
    answer = await (await client_as(app, Role.AUDITOR)).get("/whoami.json")
    assert answer.headers["cache-control"] == "no-store"


async def test_a_malformed_id_is_not_found(app: FastAPI) -> None:
    assert (await (await client_as(app, Role.AUDITOR)).get("/audit/cases/x")).status_code == 404


async def test_a_wrong_method_reveals_nothing(app: FastAPI) -> None:
    answer = await (await client_as(app, Role.AUDITOR)).delete("/audit/inbox")
    assert answer.status_code == 404
    assert "allow" not in answer.headers


async def test_a_program_is_told_why_it_was_refused_but_not_why_a_thing_is_absent(app: FastAPI) -> None:
    """Incident: a taken sender's name was answered with "Something in the request was not understood"."""
    program = client(app)
    program.headers["accept"] = "application/json"
    assert (await program.post("/refused?status=422")).json()["detail"] == "A sender has this name already"
    assert (await program.post("/refused?status=403")).json()["detail"] == "Page not found"
    assert (await program.post("/refused?status=404")).json()["detail"] == "Page not found"


@pytest.mark.parametrize("kept", [{"name": "Ada\x00"}, {"teams": [{"team_id": "a\x00"}]}], ids=list)
async def test_text_that_no_database_holds_is_no_fault_of_ours(app: FastAPI, kept: dict[str, object]) -> None:
    """Where it comes by a road that is not looked at: a field of a form, an escape of another format than JSON."""

    @app.post("/kept")
    async def keep() -> None:
        values: dict[str, object] = {"person_id": "w1", "version": 1, "name": "Ada", "roles": []}
        async with app.state.service.engine.begin() as connection:
            await connection.execute(PERSON.insert().values(values | kept))

    program = client(app)
    program.headers["accept"] = "application/json"
    assert (await program.post("/kept")).status_code == 422


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422, 429, 500, 503])
async def test_an_error_page_says_whether_anything_was_changed_and_what_to_do_next(app: FastAPI, status: int) -> None:
    browser = await client_as(app, Role.AUDITOR)
    page = (await browser.post(f"/refused?status={status}")).text
    assert "Nothing was changed" in page or "Nothing that you entered was saved" in page
    assert "try again" in page.casefold() or "look at what stands there now" in page or "Go back and choose" in page
    assert ("A sender has this name already." in page) == (status in (400, 409, 413, 415, 422))
    assert 'href="/">Go to what needs you now' in page


async def test_a_page_that_is_not_there_leads_on_whoever_asks(app: FastAPI) -> None:
    assert "ask your administrator" in (await (await client_as(app, Role.AUDITOR)).get("/nothing")).text
    assert 'href="/sign-in">Sign in' in (await client(app).get("/nothing")).text


@pytest.fixture
def log() -> Iterator[StringIO]:
    out = StringIO()
    configure_logs("audit", out=out)
    yield out
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.basicConfig(handlers=[logging.NullHandler()], force=True)


async def test_a_fault_shows_a_reference_and_logs_its_place_without_its_words(app: FastAPI, log: StringIO) -> None:
    answer = await client(app).get("/broken")
    assert answer.status_code == 500
    assert "Ada Cole" not in answer.text
    (line,) = [json.loads(each) for each in log.getvalue().splitlines()]
    assert line["error"] == "builtins.RuntimeError"
    assert "Ada Cole" not in log.getvalue()
    assert any("conftest.py" in place for place in line["at"])


async def test_while_the_database_is_away_a_page_says_so_and_when_to_come_back(app: FastAPI) -> None:
    browser = await client_as(app, Role.AUDITOR)
    (closed,) = free_ports(1)
    app.state.service.engine = create_engine(f"postgresql+asyncpg://nobody:none@127.0.0.1:{closed}/none")
    answer = await browser.get("/audit/inbox")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "not reachable just now" in answer.text


async def test_a_reading_leaves_a_trace(app: FastAPI) -> None:
    scope = Scope("w1", "Ada Cole", frozenset({Role.DCS.value}))
    async with sessions(app.state.service.engine)() as session, session.begin():
        await trail.record(session, scope, "read audit", "a-1", "the parents complained")
    async with sessions(app.state.service.engine)() as session:
        (trace,) = (await session.execute(TRAIL.select())).all()
        assert (trace.person_id, trace.what, trace.object_id, trace.why) == (
            "w1",
            "read audit",
            "a-1",
            "the parents complained",
        )
        assert await people.people(session) == []


async def test_an_application_starts_and_stops_through_its_error_pages(app: FastAPI) -> None:
    """What says that it has started is no answer, and has no status: not one service started for four minutes."""
    told = iter(["lifespan.startup", "lifespan.shutdown"])
    said: list[str] = []

    async def receive() -> Message:
        return {"type": next(told)}

    async def send(message: Message) -> None:
        said.append(message["type"])

    await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
