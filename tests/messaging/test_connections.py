"""The pool never gives out a connection that is closed, and the driver's is that of the session's own transaction."""

from __future__ import annotations

import asyncio
import gc
from contextlib import AsyncExitStack
from contextvars import ContextVar
from weakref import ref

import asyncpg
from sqlalchemy import text

from shared.db import POOL_SIZE, driver, raw, sessions
from tests.messaging.trial import Trial
from tests.support.eventually import eventually


async def test_a_connection_that_the_server_closed_is_not_given_out(trial: Trial) -> None:
    async with trial.engine.connect() as connection:
        closing = await driver(connection)
        ended = closing.get_server_pid()
    async with trial.engine.connect() as another, trial.engine.connect() as third:
        killer = another if (await driver(another)).get_server_pid() != ended else third
        await killer.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": ended})
        await eventually(closing.is_closed)
    for _ in range(POOL_SIZE + 1):
        async with trial.engine.connect() as connection:
            assert (await connection.execute(text("SELECT 1"))).scalar() == 1


async def test_what_the_driver_writes_falls_with_the_transaction(trial: Trial) -> None:
    async with sessions(trial.engine)() as session:
        await (await raw(session)).execute("INSERT INTO inbox (consumer, event_id) VALUES ('x', gen_random_uuid())")
        await session.rollback()
        assert await trial.count("inbox") == 0
        async with session.begin():
            await (await raw(session)).execute("INSERT INTO inbox (consumer, event_id) VALUES ('x', gen_random_uuid())")
    assert await trial.count("inbox") == 1


async def test_a_session_that_goes_on_gets_the_connection_it_has_now(trial: Trial) -> None:
    """Between two transactions the pool may have given the old one to somebody else, who is at work with it."""
    async with sessions(trial.engine)() as session, AsyncExitStack() as others:
        async with session.begin():
            before = await raw(session)
        taken: list[asyncpg.Connection] = []
        while before not in taken:
            taken.append(await driver(await others.enter_async_context(trial.engine.connect())))
        async with session.begin():
            now = await raw(session)
            assert now is await driver(await session.connection())
            assert now not in taken


async def test_a_session_is_gone_once_nobody_holds_it(trial: Trial) -> None:
    """It holds its batch's records, and the collector comes seldom: fourteen batches were kept by what nobody used."""
    gc.disable()
    try:
        async with sessions(trial.engine)() as session, session.begin():
            await (await raw(session)).execute("SELECT 1")
            async with session.begin_nested():
                await (await raw(session)).execute("SELECT 1")
        used = ref(session.sync_session)
        del session
        assert used() is None
    finally:
        gc.enable()


class Batch:
    """What a context holds, as FastStream's holds the message in hand."""


IN_HAND: ContextVar[Batch] = ContextVar("in_hand")


async def test_a_connection_keeps_nothing_of_the_batch_that_opened_it(trial: Trial) -> None:
    """The driver kept the context of whoever opened a connection or first used a statement: a batch with each."""

    async def handle() -> ref[Batch]:
        batch = Batch()
        IN_HAND.set(batch)
        async with sessions(trial.engine)() as session, session.begin():
            await (await raw(session)).fetch("SELECT count(*) FROM inbox")
        return ref(batch)

    await trial.engine.dispose()
    handled = await asyncio.create_task(handle())
    await eventually(lambda: handled() is None)
