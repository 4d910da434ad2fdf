"""Three kinds of fault, told apart: the world is down, our bug, and (elsewhere) bad data."""

from __future__ import annotations

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

WORLD_CLASSES = frozenset({"08", "40", "53", "57", "58"})
"""SQLSTATE classes that pass by themselves: connection, transaction rollback, resources, operator, system."""
WORLD_STATES = frozenset({"55P03", "25P03", "25006"})
"""Lock not available, idle in transaction, read-only (a failover)."""


def is_world_down(error: BaseException) -> bool:
    """Whether trying again later may help without anybody mending anything.

    Deadlocks (40P01) and lock time-outs come through asyncpg as a bare DBAPIError, so the SQLSTATE decides.
    """
    if isinstance(error, OSError):
        # A file that is missing is our bug: it does not come back by itself. A connection does.
        return error.filename is None
    if isinstance(error, PoolTimeoutError | InterfaceError):
        return True
    if isinstance(error, asyncpg.InterfaceError):
        # From the driver itself. Its word for an argument that cannot be encoded is one too: that is our bug
        return not isinstance(error, ValueError)
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    state = sqlstate(error)
    return state is not None and (state[:2] in WORLD_CLASSES or state in WORLD_STATES)


def sqlstate(error: BaseException) -> str | None:
    """The five-letter state that PostgreSQL gave, where it gave one: through SQLAlchemy or to the driver."""
    through = getattr(error, "orig", None)
    for origin in (error, through, getattr(through, "__cause__", None)):
        state = getattr(origin, "sqlstate", None)
        if isinstance(state, str):
            return state
    return None
