"""When an open page should look again: soon after something changed, and at times when only the clock moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

SETTLE_SECONDS = 0.2
"""A burst of events moves the figures once."""

PULSE_SECONDS = 60.0
"""An action becomes overdue without any event."""


class Live(Protocol):
    """What of the service's listener is needed here."""

    def subscribe(self, channel: str) -> AsyncIterator[object]: ...


async def whenever(live: Live, channel: str, *, pulse: float = PULSE_SECONDS) -> AsyncIterator[None]:
    """Once at first, then after every burst of notes and at every pulse, until whoever listens goes away."""
    changed = asyncio.Event()
    changed.set()
    watch = asyncio.create_task(_watch(live, channel, changed))
    try:
        while not watch.done():
            yield
            changed.clear()
            try:
                await asyncio.wait_for(changed.wait(), pulse)
                await asyncio.sleep(SETTLE_SECONDS)
            except TimeoutError:
                continue
    finally:
        watch.cancel()


async def _watch(live: Live, channel: str, changed: asyncio.Event) -> None:
    async for _ in live.subscribe(channel):
        changed.set()
