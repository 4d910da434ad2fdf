"""What happens because time passes: each day once, each tick on one replica, whatever fails beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.clock import FixedClock
from shared.events import DayOpened, Event
from shared.messaging import EventRouter, every, on_day, ticker
from shared.messaging.ticker import CATCH_UP_DAYS, Ticker
from tests.messaging.trial import EFFECT, Trial, told
from tests.support.eventually import eventually

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def a_router() -> EventRouter:
    """A service that notes each day that begins."""
    router = EventRouter("trial")

    @on_day(router)
    async def note_day(opened: DayOpened, session: AsyncSession) -> Sequence[Event]:
        await session.execute(EFFECT, {"senders": [opened.day.isoformat()], "numbers": [0]})
        return [told(opened.day.isoformat(), 0)]

    return router


async def days(trial: Trial) -> list[str]:
    """The days that were noted, in order."""
    return [day for day, _ in await trial.effects()]


async def test_a_day_opens_once_with_two_replicas(trial: Trial) -> None:
    clock = FixedClock(NOON)
    replicas = [Ticker(trial.engine, a_router(), clock) for _ in range(2)]
    # Even where both believe that they lead
    await asyncio.gather(*(one.open_days() for one in replicas))
    for _ in range(3):
        await asyncio.gather(*(one.tick() for one in replicas))
    assert await days(trial) == ["2026-11-24"]
    assert await trial.count("outbox") == 1


async def test_days_that_were_missed_open_in_order(trial: Trial) -> None:
    await Ticker(trial.engine, a_router(), FixedClock(NOON)).tick()
    ticker = Ticker(trial.engine, a_router(), FixedClock(NOON + timedelta(days=3)))
    await ticker.open_days()
    assert await days(trial) == ["2026-11-24", "2026-11-25", "2026-11-26", "2026-11-27"]


async def test_a_long_absence_is_caught_up_only_so_far(trial: Trial) -> None:
    await Ticker(trial.engine, a_router(), FixedClock(NOON)).tick()
    await Ticker(trial.engine, a_router(), FixedClock(NOON + timedelta(days=400))).open_days()
    assert len(await days(trial)) == 1 + CATCH_UP_DAYS


async def test_a_day_begins_at_midnight_in_london_whatever_the_season(trial: Trial) -> None:
    heard: list[DayOpened] = []
    router = EventRouter("trial")

    @on_day(router)
    async def hear(opened: DayOpened, session: AsyncSession) -> Sequence[Event]:
        heard.append(opened)
        return []

    await Ticker(trial.engine, router, FixedClock(datetime(2026, 6, 30, 23, 30, tzinfo=UTC))).open_days()
    assert heard[0].day == date(2026, 7, 1)
    assert heard[0].occurred_at.astimezone(UTC) == datetime(2026, 6, 30, 23, tzinfo=UTC)


async def test_a_day_whose_handler_fails_opens_at_a_later_tick(trial: Trial) -> None:
    router = a_router()
    fails = iter([True])

    @on_day(router)
    async def stumble(opened: DayOpened, session: AsyncSession) -> Sequence[Event]:
        if next(fails, False):
            raise KeyError("day")
        return []

    ticker = Ticker(trial.engine, router, FixedClock(NOON))
    await ticker.tick()
    assert await days(trial) == []
    await ticker.tick()
    assert await days(trial) == ["2026-11-24"]


async def test_a_tick_that_fails_holds_back_no_other(trial: Trial) -> None:
    router = a_router()

    @every(router, seconds=0, name="fails")
    async def fail(now: datetime, session: AsyncSession) -> Sequence[Event]:
        raise KeyError("tick")

    @every(router, seconds=0, name="works")
    async def work(now: datetime, session: AsyncSession) -> Sequence[Event]:
        return [told("tick", 1)]

    await Ticker(trial.engine, router, FixedClock(NOON)).tick()
    assert await trial.count("outbox") == 2


async def test_a_tick_of_a_replica_that_was_overtaken_has_no_effect(trial: Trial) -> None:
    router = EventRouter("trial")

    @every(router, seconds=0, name="slow")
    async def outlive_the_lease(now: datetime, session: AsyncSession) -> Sequence[Event]:
        async with trial.engine.begin() as other:
            await other.execute(text("UPDATE lease SET holder = 'another', epoch = epoch + 1"))
        return [told("tick", 1)]

    await Ticker(trial.engine, router, FixedClock(NOON)).tick()
    assert await trial.count("outbox") == 0


async def test_a_tick_that_outlasts_the_lease_keeps_it(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticker, "SECONDS", 0.05)
    router = EventRouter("trial")

    async def expires_at() -> datetime:
        async with trial.engine.connect() as connection:
            found: datetime = (await connection.execute(text("SELECT expires_at FROM lease"))).scalar_one()
        return found

    @every(router, seconds=0, name="slow")
    async def wait_for_a_renewal(now: datetime, session: AsyncSession) -> Sequence[Event]:
        began = await expires_at()

        async def is_renewed() -> None:
            assert await expires_at() > began

        await eventually(is_renewed, timeout=5)
        return [told("tick", 1)]

    await Ticker(trial.engine, router, FixedClock(NOON)).tick()
    assert await trial.count("outbox") == 1


async def test_a_tick_waits_for_its_time(trial: Trial) -> None:
    router = EventRouter("trial")

    @every(router, seconds=3600, name="hourly")
    async def count(now: datetime, session: AsyncSession) -> Sequence[Event]:
        return [told("tick", 1)]

    ticker = Ticker(trial.engine, router, FixedClock(NOON))
    await ticker.tick()
    await ticker.tick()
    assert await trial.count("outbox") == 1
