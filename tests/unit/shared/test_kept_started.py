"""A service that is asked to stop while Kafka is away stops: once it went on asking for Kafka for ever."""

import asyncio
from typing import cast

from faststream.kafka import KafkaBroker

from shared.messaging.broker import keep_started


class Away:
    """A broker that takes being cancelled for a lost connection, as a client does that is just connecting."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def start(self) -> None:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError from None

    async def stop(self) -> None:
        """Nothing is open."""


async def test_a_swallowed_cancellation_ends_the_waiting_for_kafka() -> None:
    away = Away()
    task = asyncio.create_task(keep_started(cast("KafkaBroker", away), asyncio.Event()))
    await away.asked.wait()
    task.cancel()
    await asyncio.wait({task}, timeout=5)
    assert task.cancelled()
