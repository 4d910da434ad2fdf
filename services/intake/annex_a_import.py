"""Takes in an Annex A workbook, or a csv of one list: context first, for it decides what the work falls under."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake import episodes, uploads
from services.intake.domain import annex_a
from services.intake.domain.annex_a import AnnexAList, Row, Sheet
from services.intake.domain.births import Births
from services.intake.domain.context import Context
from services.intake.domain.refusal import Refusal
from services.intake.domain.work import Submission
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
    contexts, refused = await asyncio.to_thread(_read_context, lists, given)
    await uploads.opened(engine, taken, rows + len(refused), notes)
    await _keep_context(engine, keys, given, taken, contexts)
    births = Births()
    lines = (line for each in work for line in _lines(each, given, births))
    await uploads.take(engine, keys, given, taken, chain(refused, lines))


def _read_context(lists: Sequence[AnnexAList], given: Given) -> tuple[list[Context], list[Line]]:
    """What Lists 6, 7 and 8 say, and those of their rows that cannot be taken."""
    contexts: list[Context] = []
    refused: list[Line] = []
    for each in lists:
        for row in each.rows() if each.number in annex_a.CONTEXTS else ():
            read = annex_a.read_context(row, given.as_of)
            if isinstance(read, Context):
                contexts.append(read)
            else:
                refused.append(_line(row, each.headers, read))
    return contexts, refused


async def _keep_context(
    engine: AsyncEngine, keys: Keys, given: Given, taken: Taken, contexts: Sequence[Context]
) -> None:
    """Keep what Lists 6, 7 and 8 say. It is counted by itself: it is not what came in to be audited."""
    taken.context.update(episodes.counts(contexts))
    for some in uploads.in_batches(contexts, uploads.AT_ONCE):
        async with sessions(engine)() as session, session.begin():
            kept = await episodes.keep(session, keys, some, given.as_of, given.said_at)
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
        yield _line(row, headers, annex_a.read(row, given.as_of, given.said_at, births))


def _line(row: Row, headers: Mapping[str, str], read: Submission | Refusal) -> Line:
    return Line(
        sheet=row.sheet,
        number=row.number,
        read=read,
        content=uploads.content_of((row.list_number, *sorted(row.fields.items()))),
        kind=annex_a.ABOUT[row.list_number],
        headers=headers,
        kept=row.kept,
    )
