"""A service that is nothing but healthy and has a live page: what the supervisor needs to be tried on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.get("/health/live")
@app.get("/health/ready")
async def healthy() -> dict[str, bool]:
    return {"ready": True}


@app.get("/live")
async def live() -> EventSourceResponse:
    async def ticks() -> AsyncIterator[dict[str, Any]]:
        while True:
            yield {"data": "tick"}
            await asyncio.sleep(0.05)

    return EventSourceResponse(ticks())
