"""Takes in an Annex A workbook, or a csv of one list: context first, for it decides what the work falls under."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake import episodes, uploads
from services.intake.domain import annex_a
from services.intake.domain.annex_a import AnnexAList, Sheet
from services.intake.domain.births import Births
from services.intake.domain.context import Context
from services.intake.domain.refusal import Refusal
from services.intake.recording import Keys
from services.intake.uploads import Given, Line, Taken
from services.intake.workbook import read_file
from shared.db import sessions
from shared.messaging import outbox


async def import_annex_a(
    engine: AsyncEngine, keys: Keys, given: Given, taken: Taken, path: Path, only: int | None
) -> None:
    """Import the file; FileRefusedError, with nothing taken, where it is not one that can be."""
    lists, notes = await asyncio.to_thread(_open, path, given.filename, only)
    work = [each for each in lists if each.number in annex_a.KINDS]
    rows = await asyncio.to_thread(lambda: sum(1 for each in work for _ in each.rows()))
    await uploads.opened(engine, taken, rows, notes)
    await _take_context(engine, keys, given, taken, lists)
    births = Births()
    await uploads.take(engine, keys, given, taken, (line for each in work for line in _lines(each, given, births)))


async def _take_context(
    engine: AsyncEngine, keys: Keys, given: Given, taken: Taken, lists: Sequence[AnnexAList]
) -> None:
    """Keep Lists 6, 7 and 8. Their bad rows are listed as `unreadable`: context is not what came in to be audited."""
    rows = ((each, row) for each in lists if each.number in annex_a.CONTEXTS for row in each.rows())
    read = ((each, row, annex_a.read_context(row, given.as_of)) for each, row in rows)
    for some in uploads.in_batches(read, uploads.AT_ONCE):
        contexts = [context for _, _, context in some if isinstance(context, Context)]
        unreadable = [
            uploads.unreadable_row(taken.upload_id, row.sheet, row.number, each.headers, refusal)
            for each, row, refusal in some
            if isinstance(refusal, Refusal)
        ]
        for kind, count in (*episodes.counts(contexts).items(), ("unreadable", len(unreadable))):
            if count:
                taken.context[kind] = taken.context.get(kind, 0) + count
        async with sessions(engine)() as session, session.begin():
            kept = await episodes.keep(session, keys, contexts, given.as_of, given.said_at)
            session.add_all(unreadable)
            await outbox.store(session, kept.events)


def _open(path: Path, filename: str, only: int | None) -> tuple[list[AnnexAList], list[str]]:
    sheets = read_file(path, filename, only)
    lists = annex_a.recognise(sheets, only)
    return lists, [*annex_a.oddities(each.sheet for each in lists), *([] if only else _unread(sheets, lists))]


def _unread(sheets: Sequence[Sheet], lists: Sequence[AnnexAList]) -> list[str]:
    return [f"{name} was not read: it is none of Lists 1 and 3 to 8" for name in annex_a.unread(sheets, lists)]


def _lines(each: AnnexAList, given: Given, births: Births) -> Iterator[Line]:
    headers = dict(each.headers)
    for row in each.rows():
        yield Line(
            sheet=row.sheet,
            number=row.number,
            read=annex_a.read(row, given.as_of, given.said_at, births),
            content=uploads.content_of((row.list_number, *sorted(row.fields.items()))),
            kind=annex_a.KINDS[row.list_number],
            headers=headers,
            kept=row.kept,
        )
