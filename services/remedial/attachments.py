"""Files as evidence: attached by who reports, read by who may read the words, gone without a rest when removed.

They lie in the database beside their action, in pieces: one transaction with the event and the trail, one backup, and
both replicas read them. What an event says of one is its id, kind and size.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO
from uuid import UUID, uuid4

import sqlalchemy as sa
from fastapi import HTTPException
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import col

from services.remedial import queries, words
from services.remedial.domain.file_kind import FIELD, Kind
from services.remedial.domain.life import Move
from services.remedial.domain.refusal import Refused
from services.remedial.hand import SYSTEM, Hand
from services.remedial.models import Action, Attachment, AttachmentPiece, Loop
from services.remedial.moves import By, take
from shared.access import trail
from shared.db import sessions
from shared.events import Event, EvidenceAttached, EvidenceWithdrawn

MOST = 5
"""Files that stand for one action at a time."""

PIECE_BYTES = 256 * 1024

ADDED, READ, REMOVED = "attachment added", "attachment", "attachment removed"
"""What the trail calls giving, taking and removing a file."""

ENOUGH = f"An action takes {MOST} files at most. Remove one first"
WITHDRAWN = "This case was withdrawn in the case management system, so no file about it is kept"


@dataclass(frozen=True)
class Offered:
    """A file on this machine's disk that was held against every rule about files, and scanned where something scans."""

    file: BinaryIO
    name: str
    kind: Kind
    size: int
    digest: bytes
    scanned: bool


async def attach(session: AsyncSession, by: By, action_id: UUID, offered: Offered) -> list[Event]:
    """The file stands as evidence from now on. The same content again, pressed twice, changes nothing."""
    hand = await take(session, by, action_id, Move.ATTACH)
    if await words.are_erased(session, action_id):
        raise Refused(WITHDRAWN, FIELD)
    standing = (await queries.attachments_of(session, by.scope, [action_id]))[action_id]
    if any(each.digest == offered.digest for each in standing):
        return []
    if len(standing) >= MOST:
        raise Refused(ENOUGH, FIELD)
    attachment_id = uuid4()
    session.add(
        Attachment(
            attachment_id=attachment_id,
            action_id=action_id,
            name=offered.name,
            kind=offered.kind,
            size=offered.size,
            digest=offered.digest,
            scanned=offered.scanned,
            attached_by=hand.by,
            attached_at=by.now,
        )
    )
    await session.flush()
    await _keep(session, attachment_id, offered.file)
    await trail.record(session, by.scope, ADDED, attachment_id)
    hand.step(Move.ATTACH)
    await hand.tell_pages()
    about = hand.about()
    return [EvidenceAttached(**about, attachment_id=attachment_id, kind=offered.kind, size=offered.size, by=hand.by)]


async def _keep(session: AsyncSession, attachment_id: UUID, file: BinaryIO) -> None:
    """Store the content, a piece at a time."""
    file.seek(0)
    number = 0
    while piece := file.read(PIECE_BYTES):
        row = {"attachment_id": attachment_id, "number": number, "content": piece}
        await session.execute(sa.insert(AttachmentPiece), [row])
        number += 1


async def remove(session: AsyncSession, by: By, action_id: UUID, attachment_id: UUID) -> list[Event]:
    """The file is deleted: undo of one that should not be there. Pressed twice, the second changes nothing."""
    hand = await take(session, by, action_id, Move.DETACH)
    found = await session.get(Attachment, attachment_id, populate_existing=True)
    if found is None or found.action_id != action_id:
        raise HTTPException(404)
    if found.gone_at is not None:
        return []
    await trail.record(session, by.scope, REMOVED, attachment_id)
    hand.step(Move.DETACH)
    await hand.tell_pages()
    return [await _forget(hand, found)]


async def erase(session: AsyncSession, loop: Loop, action_ids: Sequence[UUID], now: datetime) -> list[Event]:
    """Every file about these actions of the loop is deleted, whatever state they are in. Its row is locked."""
    query = sa.select(Attachment, Action).join(Action, col(Action.action_id) == col(Attachment.action_id))
    query = query.where(col(Action.action_id).in_(action_ids), col(Attachment.gone_at).is_(None))
    events: list[Event] = []
    for attachment, action in (await session.execute(query.order_by(col(Attachment.attachment_id)))).all():
        hand = Hand(session, loop, action, SYSTEM, now)
        hand.log(Move.DETACH)
        events.append(await _forget(hand, attachment))
    return events


async def _forget(hand: Hand, attachment: Attachment) -> EvidenceWithdrawn:
    """Delete the content, and with it the name and whatever else could tell it."""
    theirs = col(AttachmentPiece.attachment_id) == attachment.attachment_id
    await hand.session.execute(sa.delete(AttachmentPiece).where(theirs))
    attachment.name, attachment.digest = "", None
    attachment.gone_by, attachment.gone_at = hand.by, hand.now
    return EvidenceWithdrawn(**hand.about(), attachment_id=attachment.attachment_id, by=hand.by)


def standing_one(standing: Sequence[Attachment], attachment_id: UUID) -> Attachment:
    """The file of this id among those that stand; 404 where there is none."""
    for each in standing:
        if each.attachment_id == attachment_id:
            return each
    raise HTTPException(404)


async def content_of(engine: AsyncEngine, attachment_id: UUID) -> AsyncIterator[bytes]:
    """The content, piece by piece. A slow reader holds neither memory nor a connection while it waits."""
    number, piece = 0, b"-"
    while piece:
        async with sessions(engine)() as session:
            found = await session.get(AttachmentPiece, (attachment_id, number))
            piece = found.content if found else b""
        if piece:
            yield piece
        number += 1
