"""Messages on their way out: taken in hand, sent, tried again with growing patience, or failed for people to see.

That a message is taken in hand is committed before it leaves, and what came of it after. A process that dies between
the two leaves a message of which nobody knows whether it went out. It is not sent again blindly: Notify is asked by the
message's reference whether it has it; a mail server cannot be asked, so a concern is sent again with the same
Message-ID, and anything else is shown as failed for somebody to decide (`after_silence` has the rule).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlmodel import col

from services.remedial.calendar import proclaimed
from services.remedial.channels import Channel, Mail, NotDelivered
from services.remedial.domain.notices import URGENT, Kind, Next, after_silence, body, is_quiet, retry_after, subject
from services.remedial.metrics import MESSAGES
from services.remedial.models import Message, Notice
from services.remedial.notices import FAILED, READY, SENDING, SENT, gather
from shared.access import people
from shared.db import sessions

log = structlog.get_logger()

AT_ONCE = 10
LONGEST_SECONDS = 20.0
"""One round takes no longer, so that a slow server delays nothing else that the ticker does."""
ANSWER_WITHIN = timedelta(minutes=2)
"""Longer than any channel takes over one message: what is in hand for longer was left by a process that died."""
UNSURE = "unsure"

Make = async_sessionmaker[AsyncSession]


@dataclass(frozen=True)
class InHand:
    """A message that this process is sending; nobody else does while its time lasts."""

    message_id: UUID
    attempt: int
    was_begun: bool
    """Somebody had it in hand before and never said what came of it."""
    kinds: tuple[Kind, ...]
    mail: Mail | None
    """None where its person cannot be reached."""


async def send_due(engine: AsyncEngine, now: datetime, channel: Channel, origin: str) -> None:
    """Gather what is due into messages, and send those whose time has come, what is urgent first."""
    make = sessions(engine)
    async with make.begin() as session:
        await gather(session, now)
    started = time.monotonic()
    for _ in range(AT_ONCE):
        held = await _take(make, now, channel, origin)
        if held is None:
            return
        await _settle(make, held, await _send(held, channel, now), now)
        if time.monotonic() - started > LONGEST_SECONDS:
            return


async def _take(make: Make, now: datetime, channel: Channel, origin: str) -> InHand | None:
    """Take the next message in hand, in a transaction of its own: after a crash it is seen that it was begun."""
    async with make.begin() as session:
        message = (await session.execute(_next(now, is_quiet(now, await proclaimed(session))))).scalar_one_or_none()
        if message is None:
            return None
        was_begun = message.state == SENDING
        message.state, message.channel, message.next_at = SENDING, channel.name, now + ANSWER_WITHIN
        message.attempts += 1
        notices = await _notices(session, message)
        mail = await _mail(session, message, notices, origin)
        kinds = tuple(Kind(notice.kind) for notice in notices)
        return InHand(message.message_id, message.attempts, was_begun, kinds, mail)


def _next(now: datetime, quiet: bool) -> sa.Select[Message]:
    about = [col(Notice.message_id) == col(Message.message_id), col(Notice.kind).in_(sorted(URGENT))]
    is_urgent = sa.exists().where(*about)
    query = sa.select(Message).where(col(Message.state).in_((READY, SENDING)), col(Message.next_at) <= now)
    ordered = (query.where(is_urgent) if quiet else query).order_by(is_urgent.desc(), col(Message.next_at))
    return ordered.limit(1).with_for_update(skip_locked=True)


async def _send(held: InHand, channel: Channel, now: datetime) -> NotDelivered | None:
    """Send it, unless it has gone out already; why not, where it did not."""
    if held.mail is None:
        return NotDelivered("no_address", final=True)
    try:
        if held.was_begun:
            next_step = after_silence(held.kinds, await channel.has(held.message_id, now))
            if next_step is not Next.AGAIN:
                return NotDelivered(UNSURE, final=True) if next_step is Next.LEAVE else None
        await channel.send(held.mail, now)
    except NotDelivered as no:
        return no
    except (ValueError, TypeError, httpx.InvalidURL) as error:
        # An address that no message can be made for fails alone
        return NotDelivered(type(error).__name__, final=True)
    return None


async def _settle(make: Make, held: InHand, no: NotDelivered | None, now: datetime) -> None:
    """Note what came of it, unless it was given up as left behind and somebody else took it in hand meanwhile."""
    async with make.begin() as session:
        still = [col(Message.state) == SENDING, col(Message.attempts) == held.attempt]
        query = sa.select(Message).where(col(Message.message_id) == held.message_id, *still).with_for_update()
        message = (await session.execute(query)).scalar_one_or_none()
        if message is None:
            return
        if no is not None:
            _failed(message, now, no)
            return
        message.state, message.sent_at, message.failure = SENT, now, None
        MESSAGES.labels(message.channel, "sent").inc()


def _failed(message: Message, now: datetime, no: NotDelivered) -> None:
    wait = None if no.final else retry_after(message.attempts)
    message.failure = no.reason
    if wait is None:
        message.state, message.next_at = FAILED, now
        message.failure = UNSURE if no.unsure else no.reason
    else:
        # What may have gone out stays in hand, so that nobody sends it again without asking
        message.state, message.next_at = SENDING if no.unsure else READY, now + wait
    MESSAGES.labels(message.channel or "none", "retried" if wait else "failed").inc()
    log.warning("message_not_delivered", reason=no.reason, attempts=message.attempts, again=wait is not None)


async def _mail(session: AsyncSession, message: Message, notices: Sequence[Notice], origin: str) -> Mail | None:
    person = await people.person(session, message.person_id)
    if person is None or not person.active or not person.email:
        return None
    things = [(Kind(notice.kind), f"{origin}{notice.path}") for notice in notices]
    return Mail(message.message_id, person.email, subject([kind for kind, _ in things]), body(things))


async def _notices(session: AsyncSession, message: Message) -> Sequence[Notice]:
    query = sa.select(Notice).where(col(Notice.message_id) == message.message_id).order_by(col(Notice.made_at))
    return (await session.execute(query)).scalars().all()
