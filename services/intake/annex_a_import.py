"""Takes in an Annex A workbook, or a csv of one list: context first, for it decides what the work falls under."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake import episodes, uploads
from services.intake.domain import annex_a
from services.intake.domain.annex_a import AnnexAList
from services.intake.domain.context import Context
from services.intake.domain.refusal import Refusal
from services.intake.recording import Keys
from services.intake.uploads import Given, Line, Taken
from services.intake.workbook import read_file
from shared.clock import Clock
from shared.db import sessions
from shared.messaging import outbox


async def import_annex_a(
    engine: AsyncEngine, keys: Keys, clock: Clock, given: Given, path: Path, only: int | None
) -> Taken:
    """Import the file; FileRefusedError, with nothing taken, where it is not one that can be."""
    lists = await asyncio.to_thread(_open, path, given.filename, only)
    taken = await uploads.begin(engine, given, _notes(lists))
    await _take_context(engine, keys, given, taken, lists)
    work = [each for each in lists if each.number in annex_a.KINDS]
    lines = (line for each in work for line in _lines(each, given))
    await uploads.take(engine, keys, given, taken, lines)
    await uploads.finish(engine, given, taken, clock.now())
    return taken


async def _take_context(
    engine: AsyncEngine, keys: Keys, given: Given, taken: Taken, lists: Sequence[AnnexAList]
) -> None:
    """Keep Lists 6, 7 and 8. Their bad rows are counted as `unreadable`: context is not what came in to be audited."""
    rows = (row for each in lists if each.number in annex_a.CONTEXTS for row in each.rows())
    read = (annex_a.read_context(row, given.as_of) for row in rows)
    for some in uploads.in_batches(read, uploads.AT_ONCE):
        contexts = [each for each in some if isinstance(each, Context)]
        unreadable = sum(isinstance(each, Refusal) for each in some)
        for kind, count in (*episodes.counts(contexts).items(), *([("unreadable", unreadable)] if unreadable else [])):
            taken.context[kind] = taken.context.get(kind, 0) + count
        async with sessions(engine)() as session, session.begin():
            kept = await episodes.keep(session, keys, contexts, given.as_of, given.said_at)
            await outbox.store(session, kept.events)


def _open(path: Path, filename: str, only: int | None) -> list[AnnexAList]:
    return annex_a.recognise(read_file(path, filename, only), only)


def _notes(lists: Sequence[AnnexAList]) -> list[str]:
    hidden = [each.sheet.name for each in lists if each.sheet.hidden]
    return [f"{name} is hidden in the workbook; it was loaded" for name in hidden]


def _lines(each: AnnexAList, given: Given) -> Iterator[Line]:
    headers = dict(each.headers)
    for row in each.rows():
        yield Line(
            sheet=row.sheet,
            number=row.number,
            read=annex_a.read(row, given.as_of, given.said_at),
            content=uploads.content_of((row.list_number, *sorted(row.fields.items()))),
            kind=annex_a.KINDS[row.list_number],
            headers=headers,
            kept=row.kept,
        )
