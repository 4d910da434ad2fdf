"""One way in for every kind of file, whoever gives it: on disk within bounds, read by its own importer, then gone."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Protocol
from uuid import UUID

from fastapi import UploadFile
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake.annex_a_import import import_annex_a
from services.intake.census_import import import_census
from services.intake.domain.work import Road
from services.intake.settings import keys
from services.intake.staff_import import ROAD as STAFF
from services.intake.staff_import import import_staff
from services.intake.uploads import Given, Taken
from shared.access import Role, Scope
from shared.clock import Clock
from shared.service import ServiceSettings

ROADS_WITH_FILES: Mapping[str, str] = {
    Road.ANNEX_A.value: "Annex A",
    Road.CENSUS.value: "CIN census",
    STAFF: "Staff directory",
}


class Deployment(Protocol):
    """What of the running service is needed here."""

    @property
    def engine(self) -> AsyncEngine: ...
    @property
    def settings(self) -> ServiceSettings: ...
    @property
    def clock(self) -> Clock: ...


async def import_file(
    service: Deployment,
    scope: Scope,
    road: str,
    file: UploadFile,
    as_of: date,
    only: int | None = None,
    *,
    begun: asyncio.Future[UUID] | None = None,
) -> Taken:
    """Take a file in; FileRefusedError, with nothing taken, where it cannot be. `file` is copied before any wait."""
    # Of its name only the last part: the rest says how somebody's disk is ordered.
    name = PurePosixPath((file.filename or "file").replace("\\", "/")).name
    given = Given(road, name, file.size or 0, as_of, scope.person_id, service.clock.now(), begun)
    with on_disk(file) as path:
        running = service.engine, keys(service.settings), service.clock
        if road == Road.CENSUS:
            return await import_census(*running, given, path)
        if road == STAFF:
            return await import_staff(*running, given, path, may_give_roles=scope.has(Role.ADMINISTRATOR))
        return await import_annex_a(*running, given, path, only)


@contextmanager
def on_disk(file: UploadFile) -> Iterator[Path]:
    """The upload as a file that readers can seek in, gone afterwards."""
    with tempfile.NamedTemporaryFile(prefix="caseloop-", suffix=Path(file.filename or "").suffix[:8]) as copy:
        shutil.copyfileobj(file.file, copy)
        copy.flush()
        yield Path(copy.name)
