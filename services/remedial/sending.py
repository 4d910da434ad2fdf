"""Messages on their way out: sent, tried again with growing patience, or failed for people to see.

A message may go out twice when the process dies between sending and remembering; its reference (the Message-ID, or
Notify's reference) is the same both times. It never goes out twice otherwise, and is never lost.
"""

import time
from collections.abc import Sequence
from datetime import datetime

import httpx
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial.channels import Channel, Mail, NotDelivered
from services.remedial.domain.notices import Kind, body, retry_after, subject
from services.remedial.metrics import MESSAGES
from services.remedial.models import Message, Notice
from services.remedial.notices import FAILED, READY, SENT, gather
from shared.access import people

log = structlog.get_logger()

AT_ONCE = 10
LONGEST_SECONDS = 20.0
"""One round takes no longer, so that a slow server delays nothing else that the ticker does."""


async def send_due(session: AsyncSession, now: datetime, channel: Channel, origin: str) -> None:
    """Gather what is due into messages, and send those whose time has come."""
    await gather(session, now)
    await session.flush()
    query = sa.select(Message).where(col(Message.state) == READY, col(Message.next_at) <= now)
    query = query.order_by(col(Message.next_at)).limit(AT_ONCE).with_for_update(skip_locked=True)
    started = time.monotonic()
    for message in (await session.execute(query)).scalars().all():
        if time.monotonic() - started > LONGEST_SECONDS:
            return
        await _send(session, message, now, channel, origin)


async def _send(session: AsyncSession, message: Message, now: datetime, channel: Channel, origin: str) -> None:
    message.attempts += 1
    message.channel = channel.name
    try:
        await channel.send(await _mail(session, message, origin), now)
    except NotDelivered as no:
        _failed(message, now, no)
        return
    except (ValueError, TypeError, httpx.InvalidURL) as error:
        # An address that no message can be made for fails alone: raised, it would undo what was sent before it
        _failed(message, now, NotDelivered(type(error).__name__, final=True))
        return
    message.state, message.sent_at, message.failure = SENT, now, None
    MESSAGES.labels(channel.name, "sent").inc()


def _failed(message: Message, now: datetime, no: NotDelivered) -> None:
    wait = None if no.final else retry_after(message.attempts)
    message.failure = no.reason
    message.state = READY if wait else FAILED
    message.next_at = now + wait if wait else now
    MESSAGES.labels(message.channel or "none", "retried" if wait else "failed").inc()
    log.warning("message_not_delivered", reason=no.reason, attempts=message.attempts, again=wait is not None)


async def _mail(session: AsyncSession, message: Message, origin: str) -> Mail:
    person = await people.person(session, message.person_id)
    if person is None or not person.active or not person.email:
        raise NotDelivered("no_address", final=True)
    notices = await _notices(session, message)
    things = [(Kind(notice.kind), f"{origin}{notice.path}") for notice in notices]
    return Mail(message.message_id, person.email, subject([kind for kind, _ in things]), body(things))


async def _notices(session: AsyncSession, message: Message) -> Sequence[Notice]:
    query = sa.select(Notice).where(col(Notice.message_id) == message.message_id).order_by(col(Notice.made_at))
    return (await session.execute(query)).scalars().all()
