"""PostgreSQL through SQLAlchemy and asyncpg: one engine for a process, one transaction for a unit of work."""

from __future__ import annotations

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


def table_base() -> type[SQLModel]:
    """A base class for the tables of one service.

    Each has its own registry, so that four services can live in one process without sharing metadata.
    """

    class Table(SQLModel, registry=registry()):
        """A table in the schema of its service."""

    return Table
