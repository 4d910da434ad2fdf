"""A consumer: takes batches of records and sees each event's effects committed exactly once.

Effects, inbox and outbox commit in one transaction. What cannot be read becomes a dead letter (or, from outside,
quarantine) in that transaction; what fails by our bug is isolated by halving the batch; while the world is down the
batch is tried again, with backoff. `take` returns only when every record of the batch is settled.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import structlog
from opentelemetry import context, propagate
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
_RECORDS = "caseloop.records"
"""Where a session of an outside topic's batch keeps the records that its events were read from."""
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


class TooSlowError(Exception):
    """A handler used up its time. That is our bug: it would hold its partitions until Kafka gives them to another."""


class StillFailsError(Exception):
    """A dead letter was replayed and cannot be read or handled yet; it stays open."""


@dataclass
class Consumer:
    """One subscription at work on one engine.

    `busy_since` (monotonic) is when the transaction now running began; none between batches. `stopped` says why it
    stands still for good.
    """

    subscription: Subscription
    engine: AsyncEngine
    time_limit: float = TIME_LIMIT_SECONDS
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
        outside = self.subscription.on_bad is not None
        messages = [decode(record, self._listened, outside=outside) for record in records]
        self._judge(messages)
        token = context.attach(_trace(messages))
        try:
            await self._settle_whatever_comes(messages)
        finally:
            context.detach(token)
            self.busy_since = None

    async def settle(self, letter: UUID, *, how: str, by: str, why: str) -> bool:
        """Replay or dismiss a dead letter and release what waited behind it, in one transaction; false if not open.

        StillFailsError leaves a replayed letter as it was. What fails among the released becomes a letter of its own.
        """
        async with self._sessions() as session, session.begin():
            record = await dead_letters.close(session, letter, self.name, how=how, by=by, why=why)
            if record is None:
                return False
            message = decode(record, self._listened)
            if how == dead_letters.REPLAYED:
                await self._replay(message, session)
            elif isinstance(message, Received):
                # Taken, so that it stays dismissed when Kafka delivers it again
                await inbox.take(session, self.name, [message.event_id])
            await self._release(message.key, session)
        return True

    async def _replay(self, message: Received | Unreadable, session: AsyncSession) -> None:
        if isinstance(message, Unreadable):
            raise StillFailsError(f"{message.reason} at {message.place}")
        try:
            await self._work([message], session)
        except Exception as error:
            if is_world_down(error):
                raise
            raise StillFailsError(f"{type(error).__name__} at handler") from error

    async def _release(self, key: str, session: AsyncSession) -> None:
        """Handle what was parked, in order, up to the first that fails: that becomes a letter, and the rest waits."""
        waiting = deque(await dead_letters.release(session, self.name, key))
        while waiting:
            message = decode(waiting[0], self._listened)
            try:
                async with session.begin_nested():
                    await self._work([message], session)
            except Exception as error:
                if is_world_down(error):
                    raise
                await dead_letters.set_aside(session, self.name, _failed(message, error))
                waiting.popleft()
                break
            waiting.popleft()
        await dead_letters.park(session, self.name, [(record, key) for record in waiting])

    def _judge(self, messages: Sequence[Received | Unreadable]) -> None:
        self._window.extend(isinstance(message, Unreadable) for message in messages)
        bad = sum(self._window)
        if self.subscription.on_bad is None and len(self._window) >= ENOUGH and bad > MOSTLY_BAD * len(self._window):
            self.stopped = f"{bad} of the last {len(self._window)} records could not be read"
            metrics.CONSUMER_STOPPED.labels(self.name).set(1)
            log.error("consumer_stopped", consumer=self.name, bad=bad, of=len(self._window))
            raise MostlyBadError(self.stopped)

    async def _settle_whatever_comes(self, messages: Sequence[Received | Unreadable]) -> None:
        """Settle the batch. Where even setting aside fails (a bug in `on_bad`), stay with it: loudly, not quickly."""
        attempt = 0
        while True:
            try:
                await self._settle(messages)
                return
            except Exception as error:
                attempt += 1
                metrics.RETRIES.labels(self.name, type(error).__name__).inc()
                log.error("batch_blocked", consumer=self.name, attempt=attempt, reason=type(error).__name__)
            await asyncio.sleep(_backoff(attempt))

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
        self.busy_since = time.monotonic()
        limit = asyncio.timeout(self.time_limit)
        try:
            async with limit, self._sessions() as session, session.begin():
                outcomes = await self._work(messages, session)
        except TimeoutError as error:
            if limit.expired():
                raise TooSlowError(self.name) from error
            raise
        self._measure(outcomes)

    async def _work(self, messages: Sequence[Received | Unreadable], session: AsyncSession) -> Outcomes:
        """Everything that one batch brings about, within the caller's transaction."""
        ready, follow_ups = _listened_to(messages), list[Event]()
        fresh = None
        if self.subscription.on_bad is None and all(isinstance(message, Received) for message in messages):
            fresh = await inbox.take_unless_held(session, self.name, [message.event_id for message in ready])
        if fresh is None:
            ready, follow_ups = await self._sort(messages, session)
            fresh = await inbox.take(session, self.name, [message.event_id for message in ready])
        events = _once(ready, fresh)
        if self.subscription.on_bad is not None:
            session.info[_RECORDS] = {id(message.event): message.record for message in ready}
        if events:
            follow_ups = [*follow_ups, *await self._handle(events, session)]
        await outbox.store(session, follow_ups)
        return Outcomes(messages, ready, events)

    async def _sort(
        self, messages: Sequence[Received | Unreadable], session: AsyncSession
    ) -> tuple[list[Received], list[Event]]:
        """Set aside what is bad, park what waits behind it; the rest, in order, and what follows from the bad."""
        on_bad = self.subscription.on_bad
        if on_bad is not None:
            bad = [message for message in messages if isinstance(message, Unreadable)]
            follow_ups = [*await on_bad(bad, session)] if bad else []
            return _listened_to(messages), follow_ups
        held = set(await dead_letters.held_keys(session, self.name))
        ready: list[Received] = []
        parked: list[tuple[Record, str]] = []
        for message in messages:
            if isinstance(message, Unreadable):
                if await dead_letters.set_aside(session, self.name, message):
                    held.add(message.key)
            elif message.event is None:
                continue
            elif message.key in held:
                parked.append((message.record, message.key))
            else:
                ready.append(message)
        await dead_letters.park(session, self.name, parked)
        return ready, []

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
        if isinstance(message, Unreadable):
            # Not the event but the setting aside failed: there is nothing smaller to isolate
            raise error
        log.error("handler_failed", consumer=self.name, reason=type(error).__name__)
        metrics.EVENTS.labels(self.name, "failed").inc()
        await self._persist([_failed(message, error)])

    def _measure(self, outcomes: Outcomes) -> None:
        for outcome, count in outcomes.counts().items():
            if count:
                metrics.EVENTS.labels(self.name, outcome).inc(count)
        if outcomes.events:
            age = datetime.now(UTC) - min(event.occurred_at for event in outcomes.events)
            metrics.EVENT_AGE.labels(self.name).observe(max(0.0, age.total_seconds()))


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of a batch: what came, what of it was ready, and what of that was fresh."""

    messages: Sequence[Received | Unreadable]
    ready: Sequence[Received]
    events: Sequence[Event]

    def counts(self) -> dict[str, int]:
        """How many records came to what."""
        unreadable = sum(isinstance(message, Unreadable) for message in self.messages)
        skipped = sum(isinstance(message, Received) and message.event is None for message in self.messages)
        return {
            "handled": len(self.events),
            "duplicate": len(self.ready) - len(self.events),
            "skipped": skipped,
            "unreadable": unreadable,
            "parked": len(self.messages) - unreadable - skipped - len(self.ready),
        }


def record_of(session: AsyncSession, event: Event) -> Record | None:
    """Where an event of the batch in hand lies, for a handler of an outside topic that has to name the place."""
    records: dict[int, Record] = session.info.get(_RECORDS, {})
    return records.get(id(event))


def _failed(message: Received | Unreadable, error: Exception) -> Unreadable:
    if isinstance(message, Unreadable):
        return message
    return Unreadable(message.record, message.key, type(error).__name__, "handler")


def _trace(messages: Sequence[Received | Unreadable]) -> context.Context:
    """The context of the first event that has one: what a batch says is traced to there."""
    for message in messages:
        if isinstance(message, Received) and message.trace:
            return propagate.extract({"traceparent": message.trace.decode("ascii", "replace")})
    return context.get_current()


def _listened_to(messages: Sequence[Received | Unreadable]) -> list[Received]:
    return [message for message in messages if isinstance(message, Received) and message.event is not None]


def _once(ready: Sequence[Received], fresh: set[UUID]) -> list[Event]:
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
