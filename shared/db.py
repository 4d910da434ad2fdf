"""PostgreSQL through SQLAlchemy and asyncpg: one engine for a process, one transaction for a unit of work."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextvars import Context
from typing import Any
from weakref import WeakKeyDictionary

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import SessionTransaction, registry
from sqlmodel import SQLModel

POOL_SIZE = 10
POOL_OVERFLOW = 10


def create_engine(url: str, *, name: str = "caseloop") -> AsyncEngine:
    """An engine whose connections say who they are and whose statements cannot hang for ever.

    The login role's search_path decides which schema the tables are in. A connection that the server has closed is not
    given out: the driver knows of it, where asking the server (SQLAlchemy's pre-ping) would be three statements each
    time.
    """
    engine = create_async_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        hide_parameters=True,
        connect_args={
            "async_creator_fn": _connect,
            # A timer for each statement would keep the context in which it was first used, and a batch with it
            "max_cached_statement_lifetime": 0,
            "timeout": 5,
            "server_settings": {
                "application_name": name,
                "timezone": "UTC",
                "lock_timeout": "15s",
                "idle_in_transaction_session_timeout": "60s",
            },
        },
    )
    event.listen(engine.sync_engine, "checkout", _require_open)
    return engine


async def _connect(*told: Any, **settings: Any) -> asyncpg.Connection:
    """Open a connection in a context of its own: it keeps that for good, and with it the batch that asked for it."""
    return await asyncio.create_task(asyncpg.connect(*told, **settings), context=Context())


def _require_open(connection: Any, *_: object) -> None:
    """Have the pool make another in the place of one that is closed."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Makes sessions whose objects stay readable after the commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


async def raw(session: AsyncSession) -> asyncpg.Connection:
    """The driver's connection, in the session's transaction: for the statements of a batch, where each row counts.

    What PostgreSQL refuses is raised as the driver's own error.
    """
    within = _innermost(session)
    known = None if within is None else _OF_DRIVER.get(within)
    if known is not None:
        return known
    pooled = await session.connection()
    connection = await driver(pooled)
    if not connection.is_in_transaction():
        await _begin(pooled)
    within = _innermost(session)
    assert within is not None  # noqa: S101 - it has a connection
    _OF_DRIVER[within] = connection
    return connection


async def _begin(connection: AsyncConnection) -> None:
    """Begin the transaction as SQLAlchemy would with its first statement, which costs half as much again.

    What is written before would stand though all else fell.
    """
    adapted: Any = (await connection.get_raw_connection()).dbapi_connection
    await adapted._start_transaction()


def _innermost(session: AsyncSession) -> SessionTransaction | None:
    """The transaction or savepoint that it is in: a savepoint is not set before the connection is asked for in it."""
    return session.sync_session.get_nested_transaction() or session.sync_session.get_transaction()


async def driver(connection: AsyncConnection) -> asyncpg.Connection:
    """The driver's connection beneath one of the engine's. No transaction is begun: each statement commits itself."""
    raw_connection = (await connection.get_raw_connection()).driver_connection
    assert isinstance(raw_connection, asyncpg.Connection)  # noqa: S101 - the only driver there is
    return raw_connection


_OF_DRIVER: WeakKeyDictionary[SessionTransaction, asyncpg.Connection] = WeakKeyDictionary()
"""The driver's connection of each transaction that asked for it.

Not kept by the session, which the transaction knows: the two would hold each other, and the batch's records with them,
until the collector comes.
"""


def column(values: Iterable[object]) -> str:
    """Values as one text, for `unnest(string_to_array($1, chr(31), chr(30))::uuid[])`: none becomes NULL.

    The driver looks at each element of an array several times; this costs a fifth. ValueError for a text that holds a
    separator or nothing at all: it would push the values after it to other rows.
    """
    cells = [_NULL if value is None else str(value) for value in values]
    joined = _SEPARATOR.join(cells)
    if cells and (joined.count(_SEPARATOR) != len(cells) - 1 or "" in cells):
        raise ValueError("a value holds a separator, or nothing")
    return joined


_SEPARATOR, _NULL = "\x1f", "\x1e"


def table_base() -> type[SQLModel]:
    """A base class for the tables of one service.

    Each has its own registry, so that four services can live in one process without sharing metadata.
    """

    class Table(SQLModel, registry=registry()):
        """A table in the schema of its service."""

    return Table
