"""The ticker: what happens because time passes. One replica does it, by a lease; each day opens once, by a row."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.clock import LONDON, Clock
from shared.db import sessions
from shared.events import DayOpened
from shared.messaging import metrics, outbox
from shared.messaging.lease import Lease
from shared.messaging.routing import EventRouter, Tick

log = structlog.get_logger()

CATCH_UP_DAYS = 35
"""A service that was down opens the days it missed, in order, as far back as this."""
SECONDS = 1.0
LEASE = "ticker"

_LAST_DAY = text("SELECT max(day) FROM opened_day")
_OPEN_DAY = text("INSERT INTO opened_day (day) VALUES (:day) ON CONFLICT DO NOTHING RETURNING day")


@dataclass
class Ticker:
    """One replica's part in a service's passing of time."""

    engine: AsyncEngine
    router: EventRouter
    clock: Clock
    _opened: date | None = None
    _done: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lease = Lease(self.engine, LEASE)
        self._sessions = sessions(self.engine)

    async def run(self) -> None:
        """Tick until cancelled. What fails is logged, and tried again at the next tick."""
        while True:
            try:
                await self.tick()
            except Exception as error:
                self._failed("lease", error)
            await asyncio.sleep(SECONDS)

    async def tick(self) -> None:
        """If this replica leads: open the days that have begun, and do what is due. What fails holds back nothing."""
        epoch = await self.lease.renew()
        if epoch is None:
            return
        async with self._kept():
            try:
                await self.open_days()
            except Exception as error:
                self._failed("day", error)
            for tick in self.router.ticks:
                if time.monotonic() - self._done.get(tick.name, float("-inf")) >= tick.seconds:
                    await self._do(tick, epoch)

    @asynccontextmanager
    async def _kept(self) -> AsyncIterator[None]:
        """Keep the lease for as long as the work takes: another replica would take it over and undo this one's tick.

        What a tick has sent to people would then be sent again, and again undone.
        """
        renewing = asyncio.create_task(self._renew_until_cancelled())
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _renew_until_cancelled(self) -> None:
        while True:
            await asyncio.sleep(SECONDS)
            try:
                await self.lease.renew()
            except Exception as error:
                self._failed("lease", error)

    async def _do(self, tick: Tick, epoch: int) -> None:
        try:
            async with self._sessions() as session, session.begin():
                await outbox.store(session, await tick.handler(self.clock.now(), session))
                # Another replica may have taken over meanwhile, and have done the same
                await self.lease.confirm(session, epoch)
        except Exception as error:
            self._failed(tick.name, error)
        else:
            self._done[tick.name] = time.monotonic()

    def _failed(self, what: str, error: Exception) -> None:
        metrics.TICKS_FAILED.labels(self.router.service, what).inc()
        log.error("tick_failed", service=self.router.service, tick=what, reason=type(error).__name__)

    async def open_days(self) -> None:
        """Open today, and the days before it that this service missed; each exactly once."""
        today = self.clock.today()
        if not self.router.days or today == self._opened:
            return
        for day in await self._unopened(today):
            await self._open(day)
        self._opened = today

    async def _unopened(self, today: date) -> list[date]:
        """The days after the last that was opened, up to today; today alone where none ever was."""
        async with self._sessions() as session:
            last = (await session.execute(_LAST_DAY)).scalar()
        missed = min((today - last).days, CATCH_UP_DAYS) if last else 1
        return [today - timedelta(days=back) for back in range(missed - 1, -1, -1)]

    async def _open(self, day: date) -> None:
        began = datetime(day.year, day.month, day.day, tzinfo=LONDON)
        async with self._sessions() as session, session.begin():
            if (await session.execute(_OPEN_DAY, {"day": day})).first() is None:
                return
            for handler in self.router.days:
                await outbox.store(session, await handler(DayOpened(occurred_at=began, day=day), session))
