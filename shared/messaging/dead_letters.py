"""Dead letters: events that could not be read or handled, kept with their place and reason until somebody settles them.

Later events of the same key wait behind an open letter (they are parked), so that nothing overtakes it; when the letter
is replayed or dismissed they are released in order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

import structlog
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shared.events import Topic
from shared.messaging import metrics
from shared.messaging.codec import Record, StoredRecord, Unreadable
from shared.messaging.tables import DEAD_LETTER, PARKED

log = structlog.get_logger()

REPLAYED = "replayed"
DISMISSED = "dismissed"
NAMESPACE = UUID("6f1f9d0c-6a55-5a0f-9f0e-6b6c0d7f1a11")

ERASABLE = frozenset({Topic.TEXTS.value, Topic.CHILDREN.value})
"""What these carry may need erasing, and no tombstone reaches a letter: its value goes when it is settled."""

_LOCK = "hashtext('caseloop:' || current_schema() || ':letters:' || CAST(:consumer AS text))"
_GUARD = text(f"SELECT pg_advisory_xact_lock_shared({_LOCK})")
_SETTLE_GUARD = text(f"SELECT pg_advisory_xact_lock({_LOCK})")
_HELD = "SELECT DISTINCT key FROM dead_letter WHERE consumer = $1 AND settled_at IS NULL"
_IS_OPEN = text("SELECT settled_at IS NULL FROM dead_letter WHERE id = :id")


@dataclass(frozen=True, slots=True)
class Letter:
    """One open dead letter, without its values."""

    id: UUID
    consumer: str
    topic: str
    partition: int
    offset: int
    key: str
    reason: str
    place: str
    stored_at: datetime
    parked: int


def letter_id(topic: str, partition: int, offset: int) -> UUID:
    """The same record makes the same letter, however often it comes."""
    return uuid5(NAMESPACE, f"{topic}/{partition}/{offset}")


async def held_keys(session: AsyncSession, consumer: str) -> frozenset[str]:
    """The keys that wait behind an open letter.

    Takes a shared lock where there are any, so that settling one and parking behind it cannot miss each other.
    """
    held = await _held(session, consumer)
    if not held:
        return held
    await session.execute(_GUARD, {"consumer": consumer})
    return await _held(session, consumer)


async def _held(session: AsyncSession, consumer: str) -> frozenset[str]:
    # By SQLAlchemy, which begins the transaction with it
    held = await (await session.connection()).exec_driver_sql(_HELD, (consumer,))
    return frozenset(held.scalars())


async def set_aside(session: AsyncSession, consumer: str, bad: Unreadable) -> bool:
    """Keep one record as a dead letter, once; whether its letter is open, so that later events of its key must wait.

    A record that comes again after somebody settled its letter changes nothing, and holds nothing back.
    """
    record = bad.record
    row = {
        "id": uuid5(letter_id(record.topic, record.partition, record.offset), consumer),
        "consumer": consumer,
        "reason": bad.reason,
        "place": bad.place,
        **_kept(record, bad.key),
    }
    kept = await session.execute(insert(DEAD_LETTER).values(row).on_conflict_do_nothing().returning(DEAD_LETTER.c.id))
    if kept.first() is None:
        return bool((await session.execute(_IS_OPEN, {"id": row["id"]})).scalar())
    metrics.DEAD_LETTERS.labels(record.topic, bad.reason).inc()
    log.error(
        "dead_letter",
        consumer=consumer,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        reason=bad.reason,
        place=bad.place,
    )
    return True


async def park(session: AsyncSession, consumer: str, records: Iterable[tuple[Record, str]]) -> None:
    """Let records wait behind the open letter of their key."""
    rows = [{"consumer": consumer, **_kept(record, key)} for record, key in records]
    if rows:
        await session.execute(insert(PARKED).values(rows).on_conflict_do_nothing())


async def open_letters(session: AsyncSession) -> list[Letter]:
    """Every open letter, oldest first, with how many events wait behind it."""
    rows = await session.execute(
        text(
            'SELECT id, consumer, topic, partition, "offset", key, reason, place, stored_at, '
            "(SELECT count(*) FROM parked WHERE parked.consumer = dead_letter.consumer "
            "AND parked.key = dead_letter.key) AS parked "
            "FROM dead_letter WHERE settled_at IS NULL ORDER BY stored_at, id"
        )
    )
    return [Letter(**row._mapping) for row in rows]


async def close(session: AsyncSession, letter: UUID, consumer: str, *, how: str, by: str, why: str) -> Record | None:
    """Mark an open letter of this consumer as settled: its record, or none where there is no such letter.

    Until the transaction ends, nothing else is parked or settled in this consumer.
    """
    await session.execute(_SETTLE_GUARD, {"consumer": consumer})
    closed = await session.execute(
        DEAD_LETTER.update()
        .where(DEAD_LETTER.c.id == letter, DEAD_LETTER.c.consumer == consumer, DEAD_LETTER.c.settled_at.is_(None))
        .values(settled_at=text("clock_timestamp()"), settled_by=by, settled_how=how, settled_why=why)
        .returning(*DEAD_LETTER.c)
    )
    found = closed.first()
    if found is None:
        return None
    if found.topic in ERASABLE:
        await session.execute(DEAD_LETTER.update().where(DEAD_LETTER.c.id == letter).values(value=None))
    return _record(found)


async def release(session: AsyncSession, consumer: str, key: str) -> list[Record]:
    """What waited behind the letters of this key, in order; nothing while another of them is open."""
    if key in await _held(session, consumer):
        return []
    rows = await session.execute(
        PARKED.delete().where(PARKED.c.consumer == consumer, PARKED.c.key == key).returning(*PARKED.c)
    )
    return [_record(row) for row in sorted(rows.all(), key=lambda row: int(row.id))]


def _kept(record: Record, key: str) -> dict[str, object]:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": key,
        "headers": [[name, None if value is None else value.decode("latin-1")] for name, value in record.headers],
        "value": record.value,
    }


def _record(row: object) -> Record:
    return StoredRecord(
        topic=row.topic,  # type: ignore[attr-defined]
        partition=row.partition,  # type: ignore[attr-defined]
        offset=row.offset,  # type: ignore[attr-defined]
        key=row.key.encode(),  # type: ignore[attr-defined]
        value=row.value,  # type: ignore[attr-defined]
        headers=[(name, None if value is None else value.encode("latin-1")) for name, value in row.headers],  # type: ignore[attr-defined]
    )
