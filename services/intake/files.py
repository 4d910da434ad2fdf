"""One way in for every kind of file, whoever gives it: on disk within bounds, read by its own importer, then gone."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Protocol

from fastapi import UploadFile
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake.annex_a_import import import_annex_a
from services.intake.census_import import import_census
from services.intake.domain.work import Road
from services.intake.settings import keys
from services.intake.uploads import Given, Taken
from shared.access import Scope
from shared.clock import Clock
from shared.service import ServiceSettings

ROADS_WITH_FILES = (Road.ANNEX_A, Road.CENSUS)


class Deployment(Protocol):
    """What of the running service is needed here."""

    @property
    def engine(self) -> AsyncEngine: ...
    @property
    def settings(self) -> ServiceSettings: ...
    @property
    def clock(self) -> Clock: ...


async def import_file(
    service: Deployment, scope: Scope, road: str, file: UploadFile, as_of: date, only: int | None = None
) -> Taken:
    """Take a file in; FileRefusedError, with nothing taken, where it cannot be."""
    # Of its name only the last part: the rest says how somebody's disk is ordered.
    name = PurePosixPath((file.filename or "file").replace("\\", "/")).name
    given = Given(road, name, file.size or 0, as_of, scope.person_id, service.clock.now())
    with on_disk(file) as path:
        if road == Road.CENSUS:
            return await import_census(service.engine, keys(service.settings), service.clock, given, path)
        return await import_annex_a(service.engine, keys(service.settings), service.clock, given, path, only)


@contextmanager
def on_disk(file: UploadFile) -> Iterator[Path]:
    """The upload as a file that readers can seek in, gone afterwards."""
    with tempfile.NamedTemporaryFile(prefix="caseloop-", suffix=Path(file.filename or "").suffix[:8]) as copy:
        shutil.copyfileobj(file.file, copy)
        copy.flush()
        yield Path(copy.name)
