"""LISTEN and NOTIFY: what changed, told to every replica within milliseconds, for pages and for the relay.

A channel is `caseloop_<schema>_<name>`, since channels belong to the whole database. One connection for a process; when
it is lost it is made again, and every subscriber gets a note, since it may have missed one.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import asyncpg
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import raw

log = structlog.get_logger()

BACKLOG = 1000
"""Notes that a slow subscriber may fall behind before it is told to read everything again."""
RETRY_SECONDS = 1.0

_NOTIFY = "SELECT pg_notify('caseloop_' || current_schema() || '_' || $1::text, $2)"


def telling(channel: str) -> str:
    """An expression that does the same within a statement of its own transaction: one walk to the server less."""
    return f"pg_notify('caseloop_' || current_schema() || '_{channel}', '')"


async def notify(session: AsyncSession, channel: str, payload: str = "") -> None:
    """Tell every replica, when this transaction commits. Ids only."""
    await (await raw(session)).execute(_NOTIFY, channel, payload)


@dataclass(frozen=True, slots=True)
class Note:
    """Something changed. `id` rises within one process; `missed` says that notes may have been lost: read again."""

    id: int
    payload: str
    missed: bool = False


class Heard:
    """Which of its channels have spoken since it was last asked: one answer, however much they said.

    For who looks again at what is there whatever the note says. Where notes may have been lost, all have spoken.
    """

    def __init__(self, channels: frozenset[str]) -> None:
        self.channels = channels
        self._spoke: set[str] = set()
        self._something = asyncio.Event()

    async def take(self, within: float | None = None) -> frozenset[str]:
        """Wait for the first; then all that have spoken. None of them where none does `within` so many seconds."""
        try:
            async with asyncio.timeout(within):
                await self._something.wait()
        except TimeoutError:
            return frozenset()
        spoke = frozenset(self._spoke)
        self._spoke.clear()
        self._something.clear()
        return spoke

    def note(self, channel: str, *, missed: bool) -> None:
        """This channel spoke."""
        self._spoke.update(self.channels if missed else (channel,))
        self._something.set()


class Listener:
    """Hears the notes of one service's schema and hands each to whoever subscribed."""

    def __init__(self, url: str, service: str) -> None:
        self._address = url.replace("postgresql+asyncpg://", "postgresql://", 1)
        self._service = service
        self._queues: dict[str, set[asyncio.Queue[Note]]] = defaultdict(set)
        self._hearers: dict[str, set[Heard]] = defaultdict(set)
        self._ids = itertools.count(1)
        self._wanted = asyncio.Event()
        self._connection: asyncpg.Connection | None = None

    async def run(self) -> None:
        """Stay connected until cancelled."""
        while True:
            try:
                await self._listen()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("listener_lost", reason=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)

    async def subscribe(self, channel: str) -> AsyncIterator[Note]:
        """The notes on this channel, from now on, until the caller stops."""
        queue: asyncio.Queue[Note] = asyncio.Queue(BACKLOG)
        self._queues[channel].add(queue)
        self._wanted.set()
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues[channel].discard(queue)

    @contextmanager
    def hearing(self, *channels: str) -> Iterator[Heard]:
        """Hear these channels, from now on, until the block ends."""
        heard = Heard(frozenset(channels))
        for channel in channels:
            self._hearers[channel].add(heard)
        self._wanted.set()
        try:
            yield heard
        finally:
            for channel in channels:
                self._hearers[channel].discard(heard)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(self._address, timeout=5)
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        heard: set[str] = set()
        try:
            while not lost.is_set():
                for channel in {*self._queues, *self._hearers} - heard:
                    await connection.add_listener(f"caseloop_{self._service}_{channel}", self._hear)
                    heard.add(channel)
                    self._offer(channel, "", missed=True)
                self._wanted.clear()
                await _first(lost, self._wanted)
        finally:
            await connection.close(timeout=2)

    def _hear(self, _connection: object, _pid: int, channel: str, payload: object) -> None:
        self._offer(channel.removeprefix(f"caseloop_{self._service}_"), str(payload))

    def _offer(self, channel: str, payload: str, *, missed: bool = False) -> None:
        for heard in self._hearers[channel]:
            heard.note(channel, missed=missed)
        note = Note(next(self._ids), payload, missed)
        for queue in self._queues[channel]:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(Note(note.id, "", missed=True))
            else:
                queue.put_nowait(note)


async def _first(*events: asyncio.Event) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()
