"""The systems that may push: each has a token, shown once and kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.intake import feeds
from services.intake.domain.work import Road
from services.intake.models import Sender
from services.intake.staff_import import ROAD as STAFF
from shared.events import Event

PREFIX = "caseloop_"
"""So that a token in a place where none should be is found by scanners."""


ROADS = frozenset({*Road, STAFF})
"""Feeds of their own, known by these names."""


class NameTakenError(ValueError):
    """Another sender has this name, or a road."""


async def add(session: AsyncSession, name: str, by: str, now: datetime) -> tuple[Sender, str]:
    """A new sender and its token, which is nowhere afterwards."""
    if name.casefold() in ROADS:
        raise NameTakenError(name)
    token = _token()
    sender = Sender(sender_id=uuid4(), name=name, token_hash=hashed(token), added_at=now, added_by=by)
    added = insert(Sender).values(sender.model_dump()).on_conflict_do_nothing().returning(col(Sender.sender_id))
    if (await session.execute(added)).first() is None:
        raise NameTakenError(name)
    return sender, token


async def renew(session: AsyncSession, sender_id: UUID, now: datetime) -> tuple[Sender, str, list[Event]] | None:
    """A new token in the place of the one before, which is refused from now on; None where nobody is.

    One that was revoked may send again with it, and its feed is expected again.
    """
    sender = await session.get(Sender, sender_id, with_for_update=True)
    if sender is None:
        return None
    events = await feeds.resume(session, sender.name, now) if sender.revoked_at else []
    token = _token()
    sender.token_hash, sender.revoked_at = hashed(token), None
    return sender, token, events


async def revoke(session: AsyncSession, sender_id: UUID, now: datetime) -> tuple[Sender, list[Event]] | None:
    """Refuse its token from now on, and miss its feed no more; None where nobody is. It stays so since the first time.

    What it sent stays.
    """
    sender = await session.get(Sender, sender_id, with_for_update=True)
    if sender is None:
        return None
    if sender.revoked_at is not None:
        return sender, []
    sender.revoked_at = now
    return sender, await feeds.end(session, sender.name, now)


def _token() -> str:
    return PREFIX + secrets.token_urlsafe(32)


async def sender_of(session: AsyncSession, token: str) -> Sender | None:
    """Whose token this is; none where it is nobody's or was revoked."""
    query = sa.select(Sender).where(col(Sender.token_hash) == hashed(token), col(Sender.revoked_at).is_(None))
    return (await session.execute(query)).scalars().first()


def hashed(token: str) -> str:
    """What is kept of a token. It is random and long, so one round of SHA-256 is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
