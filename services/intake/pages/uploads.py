"""Files: give one, and see what happened to each of its rows."""

import asyncio
import csv
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import date
from io import StringIO
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, FastAPI, File, HTTPException, Query, Request, UploadFile
from fastapi import Form as FormField
from pydantic import BaseModel
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from services.intake import queries
from services.intake.domain.annex_a import COLUMNS
from services.intake.domain.refusal import FileRefusedError, ListUnsaidError
from services.intake.files import ROADS_WITH_FILES, import_file
from services.intake.models import UploadRow
from services.intake.pages.asking import WATCHERS, PageNumber, road_name
from services.intake.settings import LARGEST_CENSUS
from services.intake.uploads import Taken
from shared.access import CurrentScope, trail
from shared.messaging import Reading, Work
from shared.web import Form, Page, PageMaker, flash
from shared.web.filters import counted

router = APIRouter()
log = structlog.get_logger()

SOON_SECONDS = 0.5
"""What takes longer goes on behind its page, which shows how far it is."""

LISTS = {
    1: "contacts",
    3: "referrals",
    4: "assessments",
    5: "section 47 enquiries",
    6: "children in need",
    7: "child protection plans",
    8: "children looked after",
}
OUTCOMES = ("accepted", "duplicate", "quarantined")
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
CONTROL = ("\t", "\r", "\n")


class NoModel(BaseModel):
    """The form has fields of its own; only what was typed and what is wrong are kept."""


@router.get("/intake/uploads", dependencies=WATCHERS)
async def every_upload(page: Page, session: Reading, scope: CurrentScope, number: PageNumber = 1) -> HTMLResponse:
    """The files that were given, and the form for another."""
    return await _uploads_page(page, session, scope, Form(), number)


@router.post("/intake/uploads", dependencies=WATCHERS, max_body_size=LARGEST_CENSUS)
async def give_file(
    request: Request,
    page: Page,
    session: Reading,
    scope: CurrentScope,
    file: Annotated[UploadFile | None, File()] = None,
    as_of: Annotated[str, FormField(max_length=20)] = "",
    kind: Annotated[str, FormField(max_length=20)] = "annex-a",
    only: Annotated[str, FormField(alias="list", max_length=2)] = "",
) -> Response:
    """Take a file in and show what its rows came to; what takes longer goes on behind the page that shows it."""
    form: Form[NoModel] = Form(values={"as_of": as_of, "kind": kind, "list": only})
    day = _day(as_of)
    if file is None or not file.filename:
        form.refuse("file", "Choose a file")
    if day is None:
        form.refuse("as_of", "Enter the day that the file describes")
    if kind not in ROADS_WITH_FILES:
        form.refuse("kind", "Choose what the file is")
    if form.errors or file is None or day is None:
        return await _uploads_page(page, session, scope, form, 1)
    try:
        number = int(only) if only.isdecimal() else None
        upload_id, taken = await _begin(request.app, scope, kind, file, day, number)
    except FileRefusedError as refused:
        field = "list" if isinstance(refused, ListUnsaidError) else "file"
        form.refuse(field, f"The file was refused and nothing of it was taken: {refused}")
        return await _uploads_page(page, session, scope, form, 1)
    response = RedirectResponse(f"/intake/uploads/{upload_id}", status_code=303)
    rows = taken.counts.total() + sum(taken.context.values()) if taken else 0
    if taken and rows:
        flash(response, f"The file was taken in: {_came_to(rows, taken.counts['quarantined'])}")
    return response


def _came_to(rows: int, quarantined: int) -> str:
    waits = f", of which {quarantined:,} {'is' if quarantined == 1 else 'are'} in quarantine" if quarantined else ""
    return f"{counted(rows, 'row')}{waits}"


async def _begin(
    app: FastAPI, scope: CurrentScope, kind: str, file: UploadFile, day: date, number: int | None
) -> tuple[UUID, Taken | None]:
    """Import the file: its upload's id as soon as the file is ours, and what it came to where that is known soon."""
    begun: asyncio.Future[UUID] = asyncio.get_running_loop().create_future()
    importing = asyncio.create_task(import_file(app.state.service, scope, kind, file, day, number, begun=begun))
    await asyncio.wait((importing, begun), return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait((importing,), timeout=SOON_SECONDS)
    if importing.done():
        taken = importing.result()
        return taken.upload_id, taken
    app.state.__dict__.setdefault("importing", set()).add(importing)
    importing.add_done_callback(lambda task: _finished(app, task))
    return begun.result(), None


def _finished(app: FastAPI, importing: asyncio.Task[Taken]) -> None:
    """Let go of an import that went on behind its page: its page says a refusal, a failure is logged."""
    app.state.importing.discard(importing)
    error = None if importing.cancelled() else importing.exception()
    if error is not None and not isinstance(error, FileRefusedError):
        log.error("import_failed", exc_info=error)


@router.get("/intake/uploads/{upload_id}", dependencies=WATCHERS)
async def one_upload(
    page: Page,
    session: Reading,
    scope: CurrentScope,
    upload_id: UUID,
    outcome: Annotated[str, Query(max_length=20)] = "",
    number: PageNumber = 1,
) -> HTMLResponse:
    """What happened to each row."""
    upload = await queries.upload(session, scope, upload_id)
    if upload is None:
        raise HTTPException(404)
    wanted = outcome if outcome in OUTCOMES else None
    return page(
        "intake/upload.html",
        title=upload.filename,
        upload=upload,
        rows=await queries.upload_rows(session, scope, upload_id, wanted, number),
        outcome=wanted,
        state=await queries.upload_state(session, upload),
        came_to=_came_to,
        road_name=road_name,
    )


@router.get("/intake/uploads/{upload_id}/report.csv", dependencies=WATCHERS)
async def report(request: Request, work: Work, scope: CurrentScope, upload_id: UUID) -> Response:
    """The same as a file to keep, row by row as it is read. Taking it leaves a trace."""
    if await queries.upload(work.session, scope, upload_id) is None:
        raise HTTPException(404)
    await trail.record(work.session, scope, "upload_report", upload_id)
    return StreamingResponse(
        _csv(queries.every_upload_row(request.app.state.service.engine, scope, upload_id)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="upload-{upload_id}.csv"'},
    )


async def _csv(rows: AsyncIterator[Sequence[UploadRow]]) -> AsyncIterator[str]:
    """With a mark for Excel, so that it reads the text as it is."""
    yield "\ufeff" + _lines([("sheet", "row", "outcome", "column", "reason", "record")])
    async for some in rows:
        yield _lines(map(_cells, some))


def _lines(cells: Iterable[Iterable[object]]) -> str:
    lines = StringIO()
    csv.writer(lines).writerows([harmless(str(cell)) for cell in row] for row in cells)
    return lines.getvalue()


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula, whatever spaces stand before it."""
    return f"'{cell}" if cell.lstrip().startswith(FORMULA) or cell.startswith(CONTROL) else cell


def _cells(row: UploadRow) -> tuple[object, ...]:
    record = row.assessment_id or row.quarantine_id or ""
    return row.sheet, row.row, row.outcome, row.column or "", row.reason or "", record


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


async def _uploads_page(
    page: PageMaker, session: Reading, scope: CurrentScope, form: Form[NoModel], number: int
) -> HTMLResponse:
    return page(
        "intake/uploads.html",
        title="Files",
        status=422 if form.errors else 200,
        form=form,
        uploads=(listed := await queries.uploads(session, scope, number)),
        states=[await queries.upload_state(session, each) for each in listed.items],
        kinds=list(ROADS_WITH_FILES.items()),
        lists=[(str(each), f"List {each}: {LISTS[each]}") for each in COLUMNS],
        road_name=road_name,
    )
