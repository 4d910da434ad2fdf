"""The board moves without a reload: what is committed reaches an open page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting import live
from services.reporting.live import whenever
from tests.service.reporting.telling import tell, the_programme
from tests.support.backend import free_ports
from tests.support.clients import a_person, client_as, cookie_for, keep
from tests.support.eventually import eventually
from tests.unit.reporting.histories import an_audit


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    """The application on a socket, with its listener and without Kafka."""
    (port,) = free_ports(1)
    server = uvicorn.Server(uvicorn.Config(app, port=port, lifespan="off", log_level="error"))
    serving = asyncio.create_task(server.serve())
    listening = asyncio.create_task(app.state.service.live.run())
    await eventually(lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    listening.cancel()
    await asyncio.gather(serving, listening, return_exceptions=True)


async def test_an_audit_that_completes_moves_the_board_of_an_open_page(
    app: FastAPI, engine: AsyncEngine, address: str
) -> None:
    await tell(engine, [the_programme()])
    await client_as(app, "board")
    cookies = {"caseloop_session": cookie_for(app, "a-board")}
    async with (
        httpx.AsyncClient(cookies=cookies, timeout=20) as browser,
        browser.stream("GET", f"{address}/reporting/board/live") as stream,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        messages = stream.aiter_text()
        await anext(messages)
        await tell(engine, an_audit(1))
        async for message in messages:
            if "1 of 105 audits" in message:
                return
    pytest.fail("the stream ended without the audit")


async def test_a_stream_ends_when_its_session_is_revoked(
    app: FastAPI, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PULSE_SECONDS", 0.1)
    await client_as(app, "board")
    cookies = {"caseloop_session": cookie_for(app, "a-board")}
    async with (
        httpx.AsyncClient(cookies=cookies, timeout=20) as browser,
        browser.stream("GET", f"{address}/reporting/board/live") as stream,
    ):
        messages = stream.aiter_text()
        await anext(messages)
        await keep(app, a_person("a-board", "board", epoch=1, version=2))
        async for _ in messages:
            pass


class Notes:
    """A listener that says what the test puts into it."""

    def __init__(self) -> None:
        self.waiting: asyncio.Queue[object] = asyncio.Queue()

    async def subscribe(self, channel: str) -> AsyncIterator[object]:
        while True:
            yield await self.waiting.get()


async def test_a_burst_of_changes_looks_again_once_and_the_clock_alone_does_too() -> None:
    notes = Notes()
    looks = whenever(notes, "changed", pulse=0.4)
    await anext(looks)
    for number in range(50):
        notes.waiting.put_nowait(number)
    await asyncio.wait_for(anext(looks), 5)
    assert notes.waiting.empty()
    started = asyncio.get_running_loop().time()
    await asyncio.wait_for(anext(looks), 5)
    assert asyncio.get_running_loop().time() - started > 0.3
    await looks.aclose()  # type: ignore[attr-defined]
