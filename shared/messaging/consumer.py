"""A consumer: takes batches of records and sees each event's effects committed exactly once.

Effects, inbox and outbox commit in one transaction. What cannot be read becomes a dead letter (or, from outside,
quarantine) in that transaction; what fails by our bug is isolated by halving the batch; while the world is down the
batch is tried again, with backoff. `take` returns only when every record of the batch is settled.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from shared.db import sessions
from shared.events import Event, Topic
from shared.messaging import dead_letters, inbox, metrics, outbox
from shared.messaging.codec import Received, Record, Unreadable, decode
from shared.messaging.faults import is_world_down

log = structlog.get_logger()

TIME_LIMIT_SECONDS = 120
"""For one transaction: below half of Kafka's max_poll_interval, or the same batch would run twice at once."""
BACKOFF_SECONDS = (0.05, 10.0)
WINDOW = 1000
"""How many of the latest records say whether the stream is mostly bad."""
ENOUGH = 200
MOSTLY_BAD = 0.2

Handler = Callable[[Sequence[Any], AsyncSession], Awaitable[Sequence[Event]]]


class OnBad(Protocol):
    """Takes records that came from outside and could not be read, in the transaction of their batch."""

    async def __call__(self, bad: Sequence[Unreadable], session: AsyncSession) -> Sequence[Event]: ...


class MostlyBadError(Exception):
    """The stream is mostly unreadable: the fault is elsewhere, and diverting it whole would hide that."""


class HandlerCancelledError(Exception):
    """A handler raised CancelledError though nobody cancelled it; it would end the consume loop silently."""


@dataclass(frozen=True)
class Subscription:
    """What one consumer listens for, and what it does."""

    topic: Topic
    name: str
    events: tuple[type[Event], ...]
    handler: Handler
    on_bad: OnBad | None = None

    @property
    def listened(self) -> frozenset[str]:
        """The `ce_type`s that it handles."""
        return frozenset(event.type() for event in self.events)


@dataclass
class Consumer:
    """One subscription at work on one engine."""

    subscription: Subscription
    engine: AsyncEngine
    stopped: str | None = None
    busy_since: float | None = None
    _window: deque[bool] = field(default_factory=lambda: deque(maxlen=WINDOW))

    def __post_init__(self) -> None:
        self._sessions: async_sessionmaker[AsyncSession] = sessions(self.engine)
        self._listened = self.subscription.listened

    @property
    def name(self) -> str:
        """What the inbox and the metrics call it."""
        return self.subscription.name

    async def take(self, records: Sequence[Record]) -> None:
        """Settle every record, however long the world is down. MostlyBadError settles none of them."""
        messages = [decode(record, self._listened) for record in records]
        self._judge(messages)
        await self._settle(messages)

    async def settle(self, letter: UUID, *, how: str, by: str, why: str) -> bool:
        """Replay or dismiss a dead letter and release what waited behind it, in one transaction; false if not open.

        What fails again leaves the letter as it was.
        """
        async with self._sessions() as session, session.begin():
            records = await dead_letters.settle(session, letter, self.name, how=how, by=by, why=why)
            if records is None:
                return False
            messages = [decode(record, self._listened) for record in records]
            ready, follow_ups = await self._sort(messages, session)
            fresh = await inbox.take(session, self.name, [message.event_id for message in ready])
            events = _once(ready, fresh)
            if events:
                follow_ups = [*follow_ups, *await self._handle(events, session)]
            await outbox.store(session, follow_ups)
        return True

    def _judge(self, messages: Sequence[Received | Unreadable]) -> None:
        self._window.extend(isinstance(message, Unreadable) for message in messages)
        bad = sum(self._window)
        if self.subscription.on_bad is None and len(self._window) >= ENOUGH and bad > MOSTLY_BAD * len(self._window):
            self.stopped = f"{bad} of the last {len(self._window)} records could not be read"
            metrics.CONSUMER_STOPPED.labels(self.name).set(1)
            log.error("consumer_stopped", consumer=self.name, bad=bad, of=len(self._window))
            raise MostlyBadError(self.stopped)

    async def _settle(self, messages: Sequence[Received | Unreadable]) -> None:
        """Commit the batch; a bug halves it until the event that fails stands alone and is set aside."""
        try:
            await self._persist(messages)
        except Exception as error:
            if len(messages) == 1:
                await self._set_aside(messages[0], error)
                return
            middle = len(messages) // 2
            await self._settle(messages[:middle])
            await self._settle(messages[middle:])

    async def _persist(self, messages: Sequence[Received | Unreadable]) -> None:
        """Commit the batch, trying again while the world is down."""
        attempt = 0
        while True:
            try:
                await self._transact(messages)
                return
            except Exception as error:
                if not is_world_down(error):
                    raise
                attempt += 1
                metrics.RETRIES.labels(self.name, type(error).__name__).inc()
                log.warning("batch_waits", consumer=self.name, attempt=attempt, reason=type(error).__name__)
            await asyncio.sleep(_backoff(attempt))

    async def _transact(self, messages: Sequence[Received | Unreadable]) -> None:
        async with asyncio.timeout(TIME_LIMIT_SECONDS), self._sessions() as session, session.begin():
            ready, follow_ups = await self._sort(messages, session)
            fresh = await inbox.take(session, self.name, [message.event_id for message in ready])
            events = _once(ready, fresh)
            if events:
                follow_ups = [*follow_ups, *await self._handle(events, session)]
            await outbox.store(session, follow_ups)
        self._measure(messages, ready, events)

    async def _sort(
        self, messages: Sequence[Received | Unreadable], session: AsyncSession
    ) -> tuple[list[Received], list[Event]]:
        """Set aside what is bad, park what waits behind it; the rest, in order, and what follows from the bad."""
        bad = [message for message in messages if isinstance(message, Unreadable)]
        follow_ups: list[Event] = []
        on_bad = self.subscription.on_bad
        if bad and on_bad is not None:
            follow_ups.extend(await on_bad(bad, session))
        held = set() if on_bad is not None else set(await dead_letters.held_keys(session, self.name))
        ready: list[Received] = []
        parked: list[tuple[Record, str]] = []
        for message in messages:
            if isinstance(message, Unreadable):
                if on_bad is None:
                    await dead_letters.set_aside(
                        session, self.name, message.record, message.key, message.reason, message.place
                    )
                    held.add(message.key)
            elif message.event is None:
                continue
            elif message.key in held:
                parked.append((message.record, message.key))
            else:
                ready.append(message)
        await dead_letters.park(session, self.name, parked)
        return ready, follow_ups

    async def _handle(self, events: Sequence[Event], session: AsyncSession) -> Sequence[Event]:
        try:
            return await self.subscription.handler(events, session)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise HandlerCancelledError(self.name) from error

    async def _set_aside(self, message: Received | Unreadable, error: Exception) -> None:
        """Our bug: keep the event as a dead letter, or, from outside, hand it to quarantine."""
        log.error("handler_failed", consumer=self.name, reason=type(error).__name__)
        metrics.EVENTS.labels(self.name, "failed").inc()
        bad = Unreadable(message.record, message.key, type(error).__name__, "handler")
        await self._persist([bad])

    def _measure(
        self, messages: Sequence[Received | Unreadable], ready: Sequence[Received], events: Sequence[Event]
    ) -> None:
        unreadable = sum(isinstance(message, Unreadable) for message in messages)
        skipped = sum(isinstance(message, Received) and message.event is None for message in messages)
        outcomes = {
            "handled": len(events),
            "duplicate": len(ready) - len(events),
            "skipped": skipped,
            "unreadable": unreadable,
            "parked": len(messages) - unreadable - skipped - len(ready),
        }
        for outcome, count in outcomes.items():
            if count:
                metrics.EVENTS.labels(self.name, outcome).inc(count)
        if events:
            age = datetime.now(UTC) - min(event.occurred_at for event in events)
            metrics.EVENT_AGE.labels(self.name).observe(max(0.0, age.total_seconds()))


def _once(ready: Sequence[Received], fresh: set[Any]) -> list[Event]:
    """The events that were not taken before, each once, in the order of their records."""
    events: list[Event] = []
    for message in ready:
        if message.event_id in fresh and message.event is not None:
            fresh.discard(message.event_id)
            events.append(message.event)
    return events


def _backoff(attempt: int) -> float:
    shortest, longest = BACKOFF_SECONDS
    return random.uniform(0.5, 1.0) * min(longest, shortest * 2.0 ** min(attempt, 12))  # noqa: S311
