"""A file on its way in: read whole before anything is taken, then row by row in small transactions, each row once.

What is refused as a whole takes nothing. A file that is sent again, or whose import was cut midway, changes only what
is not there yet.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import islice
from typing import TypeVar
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.intake import episodes, feeds, quarantine, recording
from services.intake.domain.context import Context
from services.intake.domain.ledger import Outcome
from services.intake.domain.refusal import Refusal
from services.intake.domain.work import Submission
from services.intake.models import Upload, UploadRow
from services.intake.quarantine import Arrival
from shared.clock import LONDON
from shared.db import sessions
from shared.messaging import outbox

AT_ONCE = 500
"""Rows in one transaction."""

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
    begun: asyncio.Future[UUID] | None = field(default=None, compare=False)
    """Comes true once the file was found to be one that can be taken, with the id of its upload."""

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


@dataclass
class Taken:
    """What a file came to."""

    upload_id: UUID
    counts: Counter[str] = field(default_factory=Counter)
    context: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, int | dict[str, int]]:
        """What the command line prints."""
        return {name: self.counts[name] for name in ("accepted", "duplicate", "quarantined")} | {
            "context": self.context
        }


async def begin(engine: AsyncEngine, given: Given, notes: Sequence[str]) -> Taken:
    """Note that a file is being taken in."""
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
                notes=list(notes),
            )
        )
    if given.begun is not None and not given.begun.done():
        given.begun.set_result(taken.upload_id)
    return taken


async def take(engine: AsyncEngine, keys: recording.Keys, given: Given, taken: Taken, lines: Iterable[Line]) -> None:
    """Take every line, some hundred in a transaction; `taken` and the page say what they came to."""
    claimed: set[UUID] = set()
    for some in in_batches(lines, AT_ONCE):
        async with sessions(engine)() as session, session.begin():
            counts = await _take_some(session, keys, given, taken.upload_id, some, claimed)
            upload = await session.get_one(Upload, taken.upload_id)
            upload.accepted += counts["accepted"]
            upload.duplicate += counts["duplicate"]
            upload.quarantined += counts["quarantined"]
        taken.counts.update(counts)


async def finish(engine: AsyncEngine, given: Given, taken: Taken, at: datetime) -> None:
    """Note what the file came to, and that its feed was heard."""
    async with sessions(engine)() as session, session.begin():
        upload = await session.get_one(Upload, taken.upload_id)
        for name in ("accepted", "duplicate", "quarantined"):
            setattr(upload, name, taken.counts[name])
        upload.context, upload.finished_at = taken.context, at
        await feeds.note(session, given.road, given.road, taken.counts, at)


async def _take_some(
    session: AsyncSession,
    keys: recording.Keys,
    given: Given,
    upload_id: UUID,
    lines: Sequence[Line],
    claimed: set[UUID],
) -> Counter[str]:
    contexts = [line.read for line in lines if isinstance(line.read, Context)]
    await recording.lock_all(session, keys, (line.read.child for line in lines if not isinstance(line.read, Refusal)))
    kept = await episodes.keep(session, keys, contexts, given.as_of, given.said_at)
    said = [line.read for line in lines if isinstance(line.read, Submission)]
    recorded = await recording.record(session, said, keys, claimed)
    heard, around = iter(recorded.outcomes), iter(kept.outcomes)
    outcomes = [
        line.read if isinstance(line.read, Refusal) else next(around if isinstance(line.read, Context) else heard)
        for line in lines
    ]
    both = list(zip(lines, outcomes, strict=True))
    refused = [_arrival(line, outcome, given) for line, outcome in both if isinstance(outcome, Refusal)]
    fresh = await quarantine.keep(session, keys[1], refused)
    session.add_all(_row(upload_id, line, outcome) for line, outcome in both)
    await outbox.store(session, [*kept.events, *recorded.events])
    return feeds.tally(outcomes, fresh)


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
        outcome="quarantined" if refusal else str(outcome),
        column=line.column(refusal) if refusal else None,
        reason=refusal.sentence if refusal else None,
    )


def unreadable_row(upload_id: UUID, sheet: str, number: int, headers: Mapping[str, str], refusal: Refusal) -> UploadRow:
    """A row of context that could not be read: it is said, and counted by itself."""
    return UploadRow(
        upload_id=upload_id,
        sheet=sheet,
        row=number,
        outcome="unreadable",
        column=headers.get(refusal.field, refusal.field),
        reason=refusal.sentence,
    )


def in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items, `size` at a time."""
    source = iter(items)
    while some := list(islice(source, size)):
        yield some


def content_of(values: Iterable[object]) -> bytes:
    """A row as bytes that are the same whenever it says the same."""
    return json.dumps([str(value) for value in values], ensure_ascii=False).encode()
