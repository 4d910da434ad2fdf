"""A form with a file in it: who sends it is asked, and its size is known, before a byte of it is read.

The file is spooled to disk, looked at and scanned before the transaction begins, so that neither a slow sender nor a
slow scanner holds a connection or a lock.
"""

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path
from typing import Annotated, BinaryIO
from uuid import UUID

import structlog
from fastapi import Depends, HTTPException, Request
from starlette.datastructures import FormData, UploadFile

from services.remedial import queries
from services.remedial.attachments import Offered
from services.remedial.domain import oversight
from services.remedial.domain.file_kind import FIELD, MOST_BYTES, kind_of
from services.remedial.domain.file_name import safe_name
from services.remedial.domain.life import Move
from services.remedial.domain.refusal import Refused
from services.remedial.metrics import ATTACHMENTS
from services.remedial.scanning import Verdict, scan
from services.remedial.settings import Settings
from shared.access import CurrentScope, Scope, SignInRequiredError
from shared.access.scope import ask_again
from shared.db import sessions
from shared.web.forms import MOST_BYTES as MOST_BYTES_OF_WORDS
from shared.web.forms import without_nul

LARGEST_FORM = MOST_BYTES + MOST_BYTES_OF_WORDS
ANSWERED_BYTES = 64 * 2**20
"""Up to here a form that is too large gets a page that says so; beyond, the connection ends. Neither is read."""
MOST_FIELDS = 20

NOT_CLEAN = "The scan found something harmful in this file, so it was not attached"
NOT_SCANNED = (
    "The file could not be scanned just now, so it was not attached. "
    "Try again in a few minutes, or give a link to it in the case management system"
)

log = structlog.get_logger()


@dataclass(frozen=True)
class Received:
    """What was sent: the fields; the file, where there is one that may be taken, or why it may not."""

    fields: Mapping[str, str | list[str]]
    offered: Offered | None = None
    problem: str = ""


def settings_of(request: Request) -> Settings:
    """What this deployment has set for remedial."""
    settings: Settings = request.app.state.service.settings
    return settings


async def received(request: Request, scope: CurrentScope, action_id: UUID) -> AsyncIterator[Received]:
    """The form, within bounds. 404 where the action does not exist for this person or is not theirs to report."""
    settings = settings_of(request)
    length, most = request.headers.get("content-length", ""), MOST_BYTES_OF_WORDS
    if settings.attachments:
        most = LARGEST_FORM
    if not length.isdecimal() or int(length) > most:
        raise HTTPException(413)
    await _check_door(request, scope, action_id)
    async with request.form(max_files=1 if settings.attachments else 0, max_fields=MOST_FIELDS) as form:
        if await ask_again(request) is None:
            # Revoked while it came, which takes as long as its sender likes
            raise SignInRequiredError
        fields, upload = _fields(form), form.get(FIELD)
        if not isinstance(upload, UploadFile) or not (upload.filename or upload.size):
            yield Received(fields)
            return
        with tempfile.TemporaryDirectory(prefix="caseloop-") as folder, (Path(folder) / "file").open("w+b") as copy:
            yield await _looked_at(settings, fields, upload, copy)


async def _check_door(request: Request, scope: Scope, action_id: UUID) -> None:
    async with sessions(request.app.state.service.engine)() as session:
        seen = await queries.one(session, scope, action_id)
    if seen is None or not oversight.has_role_for(Move.ATTACH, scope, seen.concerned):
        raise HTTPException(404)


def _fields(form: FormData) -> dict[str, str | list[str]]:
    return {name: without_nul(str(form[name])) for name in form if not isinstance(form[name], UploadFile)}


async def _looked_at(
    settings: Settings, fields: Mapping[str, str | list[str]], upload: UploadFile, copy: BufferedRandom
) -> Received:
    """The file as it may be taken, or the sentence that says why it may not."""
    try:
        return Received(fields, await _offered(settings, upload, copy))
    except Refused as no:
        return Received(fields, problem=str(no))


async def _offered(settings: Settings, upload: UploadFile, copy: BufferedRandom) -> Offered:
    name = upload.filename or ""
    try:
        kind = await asyncio.to_thread(kind_of, upload.file, name)
    except Refused:
        _count("refused")
        raise
    digest = await asyncio.to_thread(_copied, upload.file, copy)
    if settings.attachment_scan:
        await _scanned(settings, Path(copy.name))
    size = copy.seek(0, 2)
    return Offered(copy, safe_name(name, kind), kind, size, digest, scanned=bool(settings.attachment_scan))


def _copied(file: BinaryIO, copy: BufferedRandom) -> bytes:
    """The digest of the content, which lies under a path of its own from now on."""
    file.seek(0)
    shutil.copyfileobj(file, copy)
    copy.flush()
    copy.seek(0)
    return hashlib.file_digest(copy, "sha256").digest()


async def _scanned(settings: Settings, path: Path) -> None:
    verdict = await scan(settings.attachment_scan, path, settings.attachment_scan_seconds)
    if verdict is not Verdict.CLEAN:
        _count(verdict)
        raise Refused(NOT_CLEAN if verdict is Verdict.NOT_CLEAN else NOT_SCANNED, FIELD)


def _count(outcome: str) -> None:
    ATTACHMENTS.labels(outcome).inc()
    log.warning("attachment_not_taken", outcome=str(outcome))


Receiving = Annotated[Received, Depends(received, scope="function")]
"""The function scope: the file is gone from the disk when the request's function has returned."""
