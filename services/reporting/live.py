"""When an open page should look again: soon after something changed, and at times when only the clock moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

SETTLE_SECONDS = 0.2
"""A burst of events moves the figures once."""

PULSE_SECONDS = 5.0
"""An action becomes overdue, and a session is revoked, without any event of the board's."""


class Live(Protocol):
    """What of the service's listener is needed here."""

    def subscribe(self, channel: str) -> AsyncIterator[object]: ...


async def whenever(live: Live, channel: str, *, pulse: float | None = None) -> AsyncIterator[None]:
    """Once at first, then after every burst of notes and at every pulse, until whoever listens goes away."""
    changed = asyncio.Event()
    changed.set()
    watch = asyncio.create_task(_watch(live, channel, changed))
    try:
        while not watch.done():
            yield
            changed.clear()
            try:
                await asyncio.wait_for(changed.wait(), PULSE_SECONDS if pulse is None else pulse)
                await asyncio.sleep(SETTLE_SECONDS)
            except TimeoutError:
                continue
    finally:
        watch.cancel()


async def _watch(live: Live, channel: str, changed: asyncio.Event) -> None:
    async for _ in live.subscribe(channel):
        changed.set()
