"""Wait for what must become true, instead of sleeping and hoping."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

Result = TypeVar("Result")
POLL_SECONDS = 0.02


@overload
async def eventually(assertion: Callable[[], Awaitable[Result]], timeout: float = 10) -> Result: ...  # noqa: ASYNC109


@overload
async def eventually(assertion: Callable[[], Result], timeout: float = 10) -> Result: ...  # noqa: ASYNC109


async def eventually(assertion: Callable[[], Result | Awaitable[Result]], timeout: float = 10) -> Result:  # noqa: ASYNC109
    """What `assertion` returns once it no longer raises AssertionError; after `timeout` seconds, its last complaint.

    It may be an ordinary or an async function; one that returns False is taken to have failed.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            returned = assertion()
            result = await returned if inspect.isawaitable(returned) else returned
            assert result is not False, f"{assertion} was still false"
            return result
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(POLL_SECONDS)


def eventually_sync(assertion: Callable[[], Result], timeout: float = 10) -> Result:
    """`eventually` for a test with no event loop, such as one that watches processes."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            result = assertion()
            assert result is not False, f"{assertion} was still false"
            return result
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        time.sleep(POLL_SECONDS)
