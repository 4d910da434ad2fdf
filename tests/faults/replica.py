"""A replica as a process of its own, to be killed or paused: `python -m tests.faults.replica …`.

`consume` takes the trial's topic and is gone (as by kill -9) between the database's commit and the acknowledgement of
its first batch. `relay` publishes the trial's outbox, and says `leading` once it holds the lease.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from shared.db import create_engine
from shared.messaging import Consumer, Listener
from shared.messaging.relay import Relay
from tests.messaging.trial import Trial, replica


async def consume(url: str, bootstrap: str, topic: str) -> None:
    """Commit one batch, and die before Kafka hears of it."""
    take = Consumer.take

    async def take_and_die(self: Consumer, records: Sequence[Any]) -> None:
        await take(self, records)
        os.kill(os.getpid(), signal.SIGKILL)

    Consumer.take = take_and_die  # type: ignore[method-assign]
    async with replica(Trial(create_engine(url), url), bootstrap, topic):
        await asyncio.Event().wait()


async def lead(url: str, bootstrap: str) -> None:
    """Publish until stopped."""
    live = Listener(url, "audit")
    relay = Relay("audit", create_engine(url), bootstrap, "caseloop/999/audit", live)
    working = asyncio.gather(live.run(), relay.run())
    while relay._epoch is None:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    print("leading", flush=True)  # noqa: T201
    await working


if __name__ == "__main__":
    what, *told = sys.argv[1:]
    asyncio.run(consume(*told) if what == "consume" else lead(*told))
