"""Intake for programs: files in, and the systems that may push. JSON out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, HTTPException, Request, UploadFile
from fastapi.responses import JSONResponse
from pydantic import BaseModel, StringConstraints
from starlette.responses import Response

from services.intake import queries, senders
from services.intake.domain.refusal import FileRefusedError
from services.intake.domain.work import Road
from services.intake.files import import_file
from services.intake.settings import LARGEST_CENSUS, LARGEST_FORM
from services.intake.staff_import import ROAD as STAFF
from shared.access import CurrentScope, Role, allow
from shared.messaging import Reading, Work
from shared.web.errors import ProgramRoute

router = APIRouter(route_class=ProgramRoute)

ADMINISTRATORS = [allow(Role.ADMINISTRATOR)]
CASE_FILES = [allow(Role.BUSINESS_SUPPORT, Role.QA_MANAGER)]
"""Files about cases: not an administrator's, who sees of cases nothing but counts."""

STAFF_FILES = [allow(Role.BUSINESS_SUPPORT, Role.QA_MANAGER, Role.ADMINISTRATOR)]
"""Files about staff: people and roles are the administrator's."""


class Counts(BaseModel):
    """What a file came to: the three add up to the rows that it holds. `notes` say what is odd about it."""

    accepted: int
    duplicate: int
    quarantined: int
    context: dict[str, int]
    notes: list[str] = []


@router.post("/intake/imports/annex-a", dependencies=CASE_FILES, max_body_size=LARGEST_FORM, response_model=Counts)
async def annex_a(
    request: Request,
    scope: CurrentScope,
    file: UploadFile,
    as_of: Annotated[date, Form()],
    only: Annotated[int | None, Form(alias="list", ge=1, le=8)] = None,
) -> Response:
    """Import an Annex A workbook: Lists 1, 3, 4 and 5, with 6, 7 and 8 as context; or one list as a csv."""
    try:
        taken = await import_file(request.app.state.service, scope, Road.ANNEX_A, file, as_of, only)
    except FileRefusedError as refused:
        return JSONResponse({"refused": str(refused)}, status_code=422)
    return JSONResponse(taken.as_json())


@router.post("/intake/imports/cin-census", dependencies=CASE_FILES, max_body_size=LARGEST_CENSUS, response_model=Counts)
async def cin_census(
    request: Request, scope: CurrentScope, file: UploadFile, as_of: Annotated[date, Form()]
) -> Response:
    """Import a CIN census (XML): referrals, assessments, section 47 enquiries and plans."""
    try:
        taken = await import_file(request.app.state.service, scope, Road.CENSUS, file, as_of)
    except FileRefusedError as refused:
        return JSONResponse({"refused": str(refused)}, status_code=422)
    return JSONResponse(taken.as_json())


@router.post("/intake/imports/staff", dependencies=STAFF_FILES, max_body_size=LARGEST_FORM, response_model=Counts)
async def staff(
    request: Request, scope: CurrentScope, file: UploadFile, as_of: Annotated[date | None, Form()] = None
) -> Response:
    """Import the staff directory: workers, teams and who was in which team when; csv, xlsx or a zip of csvs."""
    service = request.app.state.service
    try:
        taken = await import_file(service, scope, STAFF, file, as_of or service.clock.today())
    except FileRefusedError as refused:
        return JSONResponse({"refused": str(refused)}, status_code=422)
    return JSONResponse(taken.as_json())


class NewSender(BaseModel):
    """What a sender is called."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class SenderWithToken(BaseModel):
    """The one time that the token is shown."""

    sender_id: UUID
    name: str
    token: str


class RevokedSender(BaseModel):
    """Who may send no more, and since when."""

    name: str
    revoked_at: datetime


class KnownSender(BaseModel):
    """A sender as an administrator sees it: never a token, nor its hash."""

    sender_id: UUID
    name: str
    added_at: datetime
    added_by: str
    last_heard_at: datetime | None
    revoked_at: datetime | None


@router.get("/intake/senders.json", dependencies=ADMINISTRATORS)
async def list_senders(scope: CurrentScope, session: Reading) -> list[KnownSender]:
    """The systems that may push, or might, by name."""
    return [
        KnownSender(last_heard_at=heard, **sender.model_dump(exclude={"token_hash"}))
        for sender, heard in await queries.senders(session, scope)
    ]


@router.post("/intake/senders", dependencies=ADMINISTRATORS)
async def add_sender(request: Request, wanted: NewSender, scope: CurrentScope, work: Work) -> SenderWithToken:
    """Let a system push; its token is shown this once."""
    now = request.app.state.service.clock.now()
    try:
        sender, token = await senders.add(work.session, wanted.name, scope.person_id, now)
    except senders.NameTakenError as error:
        raise HTTPException(422, "A sender, or a road, has this name already") from error
    return SenderWithToken(sender_id=sender.sender_id, name=sender.name, token=token)


@router.post("/intake/senders/{sender_id}/token", dependencies=ADMINISTRATORS)
async def renew_token(request: Request, sender_id: UUID, work: Work) -> SenderWithToken:
    """A new token, shown this once; the one before is refused from now on."""
    now = request.app.state.service.clock.now()
    renewed = await senders.renew(work.session, sender_id, now)
    if renewed is None:
        raise HTTPException(404)
    sender, token, events = renewed
    work.record(*events)
    return SenderWithToken(sender_id=sender.sender_id, name=sender.name, token=token)


@router.post("/intake/senders/{sender_id}/revoke", dependencies=ADMINISTRATORS)
async def revoke_sender(request: Request, sender_id: UUID, work: Work) -> RevokedSender:
    """Refuse the sender's token from now on."""
    now = request.app.state.service.clock.now()
    revoked = await senders.revoke(work.session, sender_id, now)
    if revoked is None:
        raise HTTPException(404)
    sender, events = revoked
    work.record(*events)
    return RevokedSender(name=sender.name, revoked_at=sender.revoked_at or now)
