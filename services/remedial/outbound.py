"""Reads of messages for the page that shows them, and the second chance of a failed one."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial.domain.notices import Kind, subject
from services.remedial.models import Message, Notice
from services.remedial.notices import FAILED, READY
from services.remedial.queries import PAGE_SIZE
from shared.access import Role, Scope

WATCHES_MAIL = (Role.BUSINESS_SUPPORT, Role.QA_MANAGER, Role.ADMINISTRATOR)

FAILURES = {
    "no_address": "No address in the staff directory",
    "unsure": "It may have gone out or not, and nobody can say. Ask before you send it again",
    "http_400": "Notify refused it as malformed",
    "http_403": "Notify refused the key",
    "http_429": "Notify's limit was reached",
}


@dataclass(frozen=True)
class Outbound:
    """One message as the page shows it."""

    message: Message
    subject: str

    @property
    def failure(self) -> str:
        """Why it did not go out, in words where there are any."""
        code = self.message.failure or ""
        return FAILURES.get(code, code.replace("_", " "))


def _watches(scope: Scope) -> sa.ColumnElement[bool]:
    return sa.literal(scope.has(*WATCHES_MAIL))


async def latest(session: AsyncSession, scope: Scope, page: int) -> list[Outbound]:
    """One page of messages: those that failed first, then the latest."""
    has_failed = sa.case((col(Message.state) == FAILED, 0), else_=1)
    query = sa.select(Message).where(_watches(scope)).order_by(has_failed, col(Message.made_at).desc())
    messages = (await session.execute(query.offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE))).scalars().all()
    ids = [message.message_id for message in messages]
    rows = await session.execute(sa.select(Notice).where(col(Notice.message_id).in_(ids)))
    kinds: dict[UUID | None, list[Kind]] = {each: [] for each in ids}
    for notice in rows.scalars():
        kinds[notice.message_id].append(Kind(notice.kind))
    return [Outbound(message, subject(kinds[message.message_id])) for message in messages]


async def failed(session: AsyncSession, scope: Scope) -> int:
    """How many messages have failed for good."""
    query = sa.select(sa.func.count()).select_from(Message).where(_watches(scope), col(Message.state) == FAILED)
    return (await session.execute(query)).scalar_one()


async def waiting(session: AsyncSession, scope: Scope) -> int:
    """How many things wait to be gathered into messages."""
    query = sa.select(sa.func.count()).select_from(Notice)
    unsent = [col(Notice.message_id).is_(None), col(Notice.dropped).is_(False)]
    return (await session.execute(query.where(_watches(scope), *unsent))).scalar_one()


async def retry(session: AsyncSession, scope: Scope, message_id: UUID, now: datetime) -> bool:
    """Let a failed message go out again; False where there is none for this person."""
    again = sa.update(Message).where(
        _watches(scope), col(Message.message_id) == message_id, col(Message.state) == FAILED
    )
    done = await session.execute(again.values(state=READY, attempts=0, next_at=now).returning(col(Message.message_id)))
    return done.first() is not None
