"""The driver's UUIDs: as Python's own, but made and written in C, which shows where each event has several."""

from __future__ import annotations

from uuid import UUID

from asyncpg.pgproto import pgproto


def uuid_of(given: bytes | str) -> UUID:
    """The UUID of sixteen bytes or of a text; ValueError where it is none."""
    made: UUID = pgproto.UUID(given)
    return made
