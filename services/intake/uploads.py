"""A file on its way in: read whole before anything is taken, then row by row in small transactions, each row once.

What is refused as a whole takes nothing. A file that is sent again, or whose import was broken off, changes only what
is not there yet. Whoever takes a file in says every few seconds that it still does: what falls silent was broken off.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import islice
from typing import TypeVar
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.intake import episodes, feeds, quarantine, recording
from services.intake.domain.context import Context
from services.intake.domain.ledger import Outcome
from services.intake.domain.refusal import FileRefusedError, Refusal
from services.intake.domain.work import Submission
from services.intake.models import Upload, UploadRow
from services.intake.quarantine import Arrival
from shared.clock import LONDON
from shared.db import sessions
from shared.messaging import outbox

AT_ONCE = 500
"""Rows in one transaction."""
BEAT_SECONDS = 2.0
GRACE_SECONDS = 2.0

Item = TypeVar("Item")


@dataclass(frozen=True)
class Given:
    """A file as it was given: by whom, when, and the day that it speaks of."""

    road: str
    filename: str
    size: int
    as_of: date
    by: str
    at: datetime

    @property
    def said_at(self) -> datetime:
        """When its rows were said: at the end of the day that the file speaks of, or now where that is to come."""
        return min(self.at, datetime.combine(self.as_of, time(23, 59, 59), LONDON))


@dataclass(frozen=True)
class Line:
    """One row of a file: where it stands, what it says or what is wrong with it, and what of it may be kept."""

    sheet: str
    number: int
    read: Submission | Context | Refusal
    content: bytes
    kind: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    place: Mapping[str, str | int] = field(default_factory=dict)

    def column(self, refusal: Refusal) -> str:
        """How the file heads the column that is wrong."""
        return self.headers.get(refusal.field, refusal.field)


class Claimed(set[UUID]):
    """The records that the rows of one file are about. `named` has them in the order of the rows, one for each row."""

    def __init__(self) -> None:
        super().__init__()
        self.named: list[UUID] = []

    def add(self, assessment_id: UUID) -> None:
        """Claim a record for the next row."""
        super().add(assessment_id)
        self.named.append(assessment_id)


@dataclass
class Taken:
    """What a file has come to so far."""

    upload_id: UUID
    counts: Counter[str] = field(default_factory=Counter)
    deleted: int = 0
    """Rows, among those without effect, of what another road had deleted."""
    context: dict[str, int] = field(default_factory=dict)
    oddities: Sequence[str] = ()
    rows_read: int = 0
    """Set by whoever reads the file, in a thread of its own."""

    @property
    def notes(self) -> list[str]:
        """What is odd about the file."""
        rows = "1 row is" if self.deleted == 1 else f"{self.deleted:,} rows are"
        said = f"{rows} of what another source had deleted; {'it was' if self.deleted == 1 else 'they were'} not taken"
        return [*self.oddities, *([said] if self.deleted else [])]

    def as_json(self) -> dict[str, object]:
        """What the command line prints; `notes` where there is something to say of the file, such as hidden rows."""
        said: dict[str, object] = {name: self.counts[name] for name in ("accepted", "duplicate", "quarantined")}
        return said | {"context": self.context} | ({"notes": self.notes} if self.notes else {})


async def begin(engine: AsyncEngine, given: Given) -> Taken:
    """Note that a file has come and is being read."""
    taken = Taken(uuid4())
    async with sessions(engine)() as session, session.begin():
        session.add(
            Upload(
                upload_id=taken.upload_id,
                road=given.road,
                filename=given.filename[:100],
                size=given.size,
                as_of=given.as_of,
                by=given.by,
                at=given.at,
            )
        )
        await session.flush()
        await session.execute(_HEARD, {"upload": taken.upload_id, "read": 0})
    return taken


@asynccontextmanager
async def watched(engine: AsyncEngine, taken: Taken) -> AsyncIterator[None]:
    """Say that the file is still being taken in, for as long as it is; and how it ended, where it did not end well."""
    beating = asyncio.create_task(_beat(engine, taken))
    try:
        yield
    except FileRefusedError as refused:
        await _end(engine, taken, "refused", str(refused))
        raise
    except BaseException:
        # Cancelled as well, when the service stops; where even this fails, its silence says it.
        with suppress(Exception):
            await asyncio.wait_for(asyncio.shield(_end(engine, taken, "broken", None)), GRACE_SECONDS)
        raise
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)


async def _beat(engine: AsyncEngine, taken: Taken) -> None:
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        with suppress(sa.exc.DBAPIError, OSError):
            async with sessions(engine)() as session, session.begin():
                await session.execute(_HEARD, {"upload": taken.upload_id, "read": taken.rows_read})


async def _end(engine: AsyncEngine, taken: Taken, state: str, reason: str | None) -> None:
    async with sessions(engine)() as session, session.begin():
        upload = await session.get_one(Upload, taken.upload_id)
        upload.state, upload.reason = state, reason


async def opened(engine: AsyncEngine, taken: Taken, rows: int, notes: Sequence[str]) -> None:
    """Note that the file was read whole and can be taken."""
    taken.rows_read, taken.oddities = rows, notes
    async with sessions(engine)() as session, session.begin():
        upload = await session.get_one(Upload, taken.upload_id)
        upload.state, upload.rows_read, upload.notes = "taking", rows, list(notes)


async def take(engine: AsyncEngine, keys: recording.Keys, given: Given, taken: Taken, lines: Iterable[Line]) -> None:
    """Take every line, some hundred in a transaction; `taken` and the page say what they came to."""
    claimed = Claimed()
    async with aclosing(in_a_thread(in_batches(lines, AT_ONCE))) as batches:
        async for some in batches:
            async with sessions(engine)() as session, session.begin():
                counts, deleted = await _take_some(session, keys, given, taken.upload_id, some, claimed)
                await session.execute(_COUNT, {"upload": taken.upload_id, **{name: counts[name] for name in OUTCOMES}})
            taken.counts.update(counts)
            taken.deleted += deleted


async def finish(engine: AsyncEngine, given: Given, taken: Taken, at: datetime) -> None:
    """Note what the file came to, and that its feed was heard."""
    async with sessions(engine)() as session, session.begin():
        upload = await session.get_one(Upload, taken.upload_id)
        for name in OUTCOMES:
            setattr(upload, name, taken.counts[name])
        upload.context, upload.finished_at, upload.state = taken.context, at, "finished"
        upload.notes = taken.notes
        await feeds.note(session, given.road, given.road, taken.counts, at)


DELETED = Refusal(
    "deleted", "id", "Another source had this deleted, and only what that source says newer brings it back"
)

OUTCOMES = ("accepted", "duplicate", "quarantined")

_HEARD = sa.text("UPDATE upload SET heard_at = now(), rows_read = greatest(rows_read, :read) WHERE upload_id = :upload")

_COUNT = sa.text(
    "UPDATE upload SET accepted = accepted + :accepted, duplicate = duplicate + :duplicate, "
    "quarantined = quarantined + :quarantined, heard_at = now() WHERE upload_id = :upload"
)


async def _take_some(
    session: AsyncSession,
    keys: recording.Keys,
    given: Given,
    upload_id: UUID,
    lines: Sequence[Line],
    claimed: Claimed,
) -> tuple[Counter[str], int]:
    """What some lines came to, and how many of them are of what another road had deleted."""
    contexts = [line.read for line in lines if isinstance(line.read, Context)]
    await recording.lock_all(session, keys, (line.read.child for line in lines if not isinstance(line.read, Refusal)))
    kept = await episodes.keep(session, keys, contexts, given.as_of, given.said_at)
    said = [line.read for line in lines if isinstance(line.read, Submission)]
    claimed.named.clear()
    recorded = await recording.record(session, said, keys, claimed)
    heard, around = iter(recorded.outcomes), iter(kept.outcomes)
    outcomes = [
        line.read if isinstance(line.read, Refusal) else next(around if isinstance(line.read, Context) else heard)
        for line in lines
    ]
    both = list(zip(lines, outcomes, strict=True))
    refused = [_arrival(line, outcome, given) for line, outcome in both if isinstance(outcome, Refusal)]
    fresh = await quarantine.keep(session, keys[1], refused)
    records, arrivals = iter(claimed.named), iter(zip(refused, fresh, strict=True))
    for line, outcome in both:
        row = _row(upload_id, line, outcome)
        if isinstance(outcome, Refusal):
            arrival, is_fresh = next(arrivals)
            row.quarantine_id = quarantine.id_of(keys[1], arrival)
            row.outcome = "quarantined" if is_fresh else "duplicate"
        elif isinstance(line.read, Submission):
            row.assessment_id = next(records, None)
        session.add(row)
    await outbox.store(session, [*kept.events, *recorded.events])
    return feeds.tally(outcomes, fresh), outcomes.count(Outcome.DELETED)


def _arrival(line: Line, refusal: Refusal, given: Given) -> Arrival:
    return Arrival(
        road=given.road,
        sender=given.by,
        refusal=refusal,
        content=line.content,
        came_at=given.at,
        kind=line.kind,
        place={"sheet": line.sheet, "row": line.number, "column": line.column(refusal), **line.place},
        fields=line.kept,
        as_of=given.as_of,
    )


def _row(upload_id: UUID, line: Line, outcome: Outcome | Refusal) -> UploadRow:
    refusal = outcome if isinstance(outcome, Refusal) else None
    return UploadRow(
        upload_id=upload_id,
        sheet=line.sheet,
        row=line.number,
        outcome=outcome.counted if isinstance(outcome, Outcome) else "quarantined",
        column=line.column(refusal) if refusal else None,
        reason=refusal.sentence if refusal else DELETED.sentence if outcome is Outcome.DELETED else None,
    )


def in_batches(items: Iterable[Item], size: int) -> Generator[list[Item], None, None]:
    """The items, `size` at a time. A reader is closed with this, wherever that is done."""
    source = iter(items)
    try:
        while some := list(islice(source, size)):
            yield some
    finally:
        if isinstance(source, Generator):
            source.close()


async def in_a_thread(items: Generator[Item, None, None]) -> AsyncGenerator[Item, None]:
    """What a reader yields. Reading is work for the processor: beside the loop, or every page would wait for it.

    One thread reads from the first to the last: the XML parser aborts the whole process when it is handed about.
    """
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as thread:
        try:
            while (item := await loop.run_in_executor(thread, next, items, None)) is not None:
                yield item
        finally:
            await loop.run_in_executor(thread, items.close)


def content_of(values: Iterable[object]) -> bytes:
    """A row as bytes that are the same whenever it says the same."""
    return json.dumps([str(value) for value in values], ensure_ascii=False).encode()
