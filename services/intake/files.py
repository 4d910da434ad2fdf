"""One way in for every kind of file, whoever gives it: on disk within bounds, read by its own importer, then gone."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Protocol
from uuid import UUID

from fastapi import UploadFile
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake import uploads
from services.intake.annex_a_import import import_annex_a
from services.intake.census_import import import_census
from services.intake.domain.plausibility import clean
from services.intake.domain.refusal import FileRefusedError
from services.intake.domain.work import Road
from services.intake.settings import LARGEST_FORM, keys
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
    """Take a file in; FileRefusedError, with nothing taken, where it cannot be.

    `begun` comes true with the id of its upload as soon as the file is ours, before it is read.
    """
    if road != Road.CENSUS and (file.size or 0) > LARGEST_FORM:
        raise FileRefusedError("the file is larger than 64 MB")
    given = Given(road, _name(file.filename), file.size or 0, as_of, scope.person_id, service.clock.now())
    async with on_disk(file) as path:
        engine, secret = service.engine, keys(service.settings)
        taken = await uploads.begin(engine, given)
        if begun is not None:
            begun.set_result(taken.upload_id)
        async with uploads.watched(engine, taken):
            if road == Road.CENSUS:
                await import_census(engine, secret, given, taken, path)
            elif road == STAFF:
                await import_staff(engine, secret, given, taken, path, may_give_roles=scope.has(Role.ADMINISTRATOR))
            else:
                await import_annex_a(engine, secret, given, taken, path, only)
            await uploads.finish(engine, given, taken, service.clock.now())
        return taken


def _name(filename: str | None) -> str:
    """Of its name only the last part: the rest says how somebody's disk is ordered."""
    return clean(PurePosixPath((filename or "").replace("\\", "/")).name) or "file"


@asynccontextmanager
async def on_disk(file: UploadFile) -> AsyncIterator[Path]:
    """The upload as a file that readers can seek in, gone afterwards. It outlives the request."""
    with tempfile.NamedTemporaryFile(prefix="caseloop-", suffix=Path(_name(file.filename)).suffix[:8]) as copy:
        await asyncio.to_thread(shutil.copyfileobj, file.file, copy)
        copy.flush()
        yield Path(copy.name)
