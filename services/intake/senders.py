"""The systems that may push: each has a token, shown once and kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.intake.models import Sender

PREFIX = "caseloop_"
"""So that a token in a place where none should be is found by scanners."""


class NameTakenError(ValueError):
    """Another sender has this name."""


async def add(session: AsyncSession, name: str, by: str, now: datetime) -> tuple[Sender, str]:
    """A new sender and its token, which is nowhere afterwards."""
    token = PREFIX + secrets.token_urlsafe(32)
    sender = Sender(sender_id=uuid4(), name=name, token_hash=hashed(token), added_at=now, added_by=by)
    added = insert(Sender).values(sender.model_dump()).on_conflict_do_nothing().returning(col(Sender.sender_id))
    if (await session.execute(added)).first() is None:
        raise NameTakenError(name)
    return sender, token


async def sender_of(session: AsyncSession, token: str) -> Sender | None:
    """Whose token this is; none where it is nobody's or was revoked."""
    query = sa.select(Sender).where(col(Sender.token_hash) == hashed(token), col(Sender.revoked_at).is_(None))
    return (await session.execute(query)).scalars().first()


def hashed(token: str) -> str:
    """What is kept of a token. It is random and long, so one round of SHA-256 is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
