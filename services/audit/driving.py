"""The driver's connection beneath a session, for the statements that every event costs."""

from __future__ import annotations

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import raw


async def driver(session: AsyncSession) -> asyncpg.Connection:
    """The driver's connection in the session's transaction, once all that the session holds is written.

    A statement through the session would see to that itself; one beside it would miss what is not there yet.
    """
    if session.new or session.dirty or session.deleted:
        await session.flush()
    return await raw(session)
