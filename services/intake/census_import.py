"""Takes in a CIN census."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake import census_file, uploads
from services.intake.domain.cin_census import ELEMENTS, OF_A_CHILD, Census, CensusRow
from services.intake.recording import Keys
from services.intake.uploads import Given, Line, Taken


async def import_census(engine: AsyncEngine, keys: Keys, given: Given, taken: Taken, path: Path) -> None:
    """Import the file; FileRefusedError, with nothing taken, where it is not a whole census of this council."""

    def progress(rows: int) -> None:
        taken.rows_read = rows

    rows = await asyncio.to_thread(census_file.check, path, keys[0], progress)
    await uploads.opened(engine, taken, rows, [])
    await uploads.take(engine, keys, given, taken, _lines(path, given))


def _lines(path: Path, given: Given) -> Iterator[Line]:
    census = Census(given.as_of, given.said_at)
    for child in census_file.children(path):
        for row in census.rows(child):
            yield _line(row)


def _line(row: CensusRow) -> Line:
    return Line(
        sheet=row.element.name,
        number=row.number,
        read=row.read,
        content=uploads.content_of((row.element.name, *sorted(row.fields.items()))),
        kind=row.kind,
        headers=ELEMENTS[row.element.name] | OF_A_CHILD,
        kept=row.kept,
        place={"child": row.fields.get("child") or "", "line": row.element.line},
    )
