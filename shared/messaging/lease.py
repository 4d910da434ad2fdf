"""A lease: what only one replica may do, for as long as it keeps saying that it is there.

A row and not a lock: a holder that is stopped without dying (SIGSTOP) keeps its locks, but its lease runs out.
"""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

SECONDS = 5

_RENEW = text(
    "INSERT INTO lease AS held (name, holder, epoch, expires_at) "
    "VALUES (:name, :holder, 1, clock_timestamp() + make_interval(secs => :seconds)) "
    "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at, "
    "epoch = CASE WHEN held.holder = excluded.holder THEN held.epoch ELSE held.epoch + 1 END "
    "WHERE held.holder = excluded.holder OR held.expires_at < clock_timestamp() RETURNING epoch"
)
_CONFIRM = text("SELECT 1 FROM lease WHERE name = :name AND holder = :holder AND epoch = :epoch FOR SHARE")
_GIVE_UP = text("UPDATE lease SET expires_at = clock_timestamp() WHERE name = :name AND holder = :holder")


def _holder() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


class LeaseLostError(Exception):
    """Another replica holds it now, and does what this one was about to do."""


@dataclass
class Lease:
    """One replica's claim to a task. `epoch` rises whenever the holder changes."""

    engine: AsyncEngine
    name: str
    holder: str = field(default_factory=_holder)

    async def renew(self) -> int | None:
        """Take or keep it for five more seconds: the epoch, or none while another holds it."""
        async with self.engine.begin() as connection:
            row = await connection.execute(_RENEW, {"name": self.name, "holder": self.holder, "seconds": SECONDS})
            epoch = row.scalar()
        return int(epoch) if epoch is not None else None

    async def confirm(self, session: AsyncSession, epoch: int) -> None:
        """Let the session's transaction commit only if nobody has taken the lease since this epoch began."""
        held = await session.execute(_CONFIRM, {"name": self.name, "holder": self.holder, "epoch": epoch})
        if held.first() is None:
            raise LeaseLostError(self.name)

    async def give_up(self) -> None:
        """Let another replica have it at once."""
        async with self.engine.begin() as connection:
            await connection.execute(_GIVE_UP, {"name": self.name, "holder": self.holder})
