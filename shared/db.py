"""PostgreSQL through SQLAlchemy and asyncpg: one engine for a process, one transaction for a unit of work."""

from __future__ import annotations

from collections.abc import Iterable

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

POOL_SIZE = 10
POOL_OVERFLOW = 10


def create_engine(url: str, *, name: str = "caseloop") -> AsyncEngine:
    """An engine whose connections say who they are and whose statements cannot hang for ever.

    The login role's search_path decides which schema the tables are in.
    """
    return create_async_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "timeout": 5,
            "server_settings": {
                "application_name": name,
                "timezone": "UTC",
                "lock_timeout": "15s",
                "idle_in_transaction_session_timeout": "60s",
            },
        },
    )


def sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Makes sessions whose objects stay readable after the commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


async def raw(session: AsyncSession) -> asyncpg.Connection:
    """The driver's connection, in the session's transaction: for the statements of a batch, where each row counts.

    What PostgreSQL refuses is raised as the driver's own error.
    """
    connection = (await (await session.connection()).get_raw_connection()).driver_connection
    assert isinstance(connection, asyncpg.Connection)  # noqa: S101 - the only driver there is
    if not connection.is_in_transaction():
        # SQLAlchemy begins one with its first statement, and what is written before would stand though all else fell
        await session.execute(text("SELECT 1"))
    return connection


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
