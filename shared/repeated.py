"""A query that is asked over and over, as by an open page: compiled once and read by the driver itself."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db import driver

_DIALECT = dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Repeated:
    """One select with its values."""

    sql: str
    values: tuple[object, ...]

    @classmethod
    def of(cls, query: sa.Select[tuple[object, ...]]) -> Repeated:
        """Compile it, which takes longer than asking it."""
        compiled = query.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        return cls(str(compiled), tuple(compiled.params[name] for name in compiled.positiontup or ()))

    async def rows(self, engine: AsyncEngine) -> list[asyncpg.Record]:
        """What is there now, in a transaction of its own."""
        async with engine.connect() as connection:
            return list(await (await driver(connection)).fetch(self.sql, *self.values))
