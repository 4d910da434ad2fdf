"""An application on a socket with its listener, without Kafka: for streams, which outlast their request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from fastapi import FastAPI

from shared.access import sessions
from shared.messaging import Listener
from shared.service import Service
from tests.support.backend import free_ports
from tests.support.clients import cookie_for
from tests.support.eventually import eventually


@asynccontextmanager
async def stream_of(app: FastAPI, path: str, person_id: str) -> AsyncIterator[AsyncIterator[str]]:
    """What the application streams at `path` to this person, piece by piece."""
    service: Service = app.state.service
    service.live = Listener(service.engine.url.render_as_string(hide_password=False), service.name)
    (port,) = free_ports(1)
    server = uvicorn.Server(uvicorn.Config(app, port=port, lifespan="off", log_level="error"))
    serving = asyncio.create_task(server.serve())
    listening = asyncio.create_task(service.live.run())
    await eventually(lambda: server.started)
    cookies = {sessions.COOKIE: cookie_for(app, person_id)}
    try:
        async with (
            httpx.AsyncClient(cookies=cookies, timeout=20) as browser,
            browser.stream("GET", f"http://127.0.0.1:{port}{path}") as stream,
        ):
            assert stream.headers["content-type"].startswith("text/event-stream")
            yield stream.aiter_text()
    finally:
        server.should_exit = True
        listening.cancel()
        await asyncio.gather(serving, listening, return_exceptions=True)
