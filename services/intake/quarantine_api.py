"""Quarantine for programs: counts by reason, what was refused, correct and resubmit, or dismiss with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from services.intake import queries, resubmission
from services.intake.domain.refusal import Refusal
from services.intake.models import Quarantined
from services.intake.pages.asking import COUNTERS, WATCHERS, Now, PageNumber
from services.intake.settings import keys
from shared.access import CurrentScope, trail
from shared.messaging import Reading, Work

router = APIRouter()

Text = Annotated[str, StringConstraints(max_length=200)]


class Reason(BaseModel):
    """How much waits for one reason."""

    model_config = ConfigDict(from_attributes=True)

    road: str
    code: str
    sentence: str
    count: int


class Refused(BaseModel):
    """One thing that was refused: when, from whom, why, and its allow-listed fields."""

    model_config = ConfigDict(from_attributes=True)

    quarantine_id: UUID
    road: str
    sender: str
    kind: str | None
    place: Mapping[str, str | int]
    code: str
    field: str
    sentence: str
    fields: Mapping[str, str]
    as_of: date | None
    came_at: datetime
    seen: int
    state: str
    settled_at: datetime | None
    settled_by: str | None
    why: str | None
    assessment_id: UUID | None


class Page(BaseModel):
    """Counts by reason, and one page of what was refused; nothing but counts for whoever may see no values."""

    reasons: list[Reason]
    total: int
    page: int
    pages: int
    items: list[Refused]


class Correction(BaseModel):
    """The fields as they should have been; what is not named stays as it came."""

    fields: Annotated[dict[Text, Text], Field(max_length=20)]


class Dismissal(BaseModel):
    """Why it is left out for good."""

    why: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


@router.get("/intake/quarantine.json", dependencies=COUNTERS)
async def everything(
    session: Reading,
    scope: CurrentScope,
    state: Literal["waiting", "resubmitted", "dismissed"] = "waiting",
    reason: Annotated[str, Query(max_length=64)] = "",
    number: PageNumber = 1,
) -> Page:
    """What was refused, the newest first, and how much waits for each reason."""
    listed = await queries.quarantined(session, scope, state, reason or None, number)
    return Page(
        reasons=[Reason.model_validate(each) for each in await queries.waiting(session, scope)],
        total=listed.total,
        page=listed.page,
        pages=listed.pages,
        items=[Refused.model_validate(each) for each in listed.items],
    )


@router.get("/intake/quarantine/{quarantine_id}/record.json", dependencies=WATCHERS)
async def one(work: Work, scope: CurrentScope, quarantine_id: UUID) -> Refused:
    """One thing that was refused. Reading it leaves a trace."""
    found = await _found(work, scope, quarantine_id)
    await trail.record(work.session, scope, "quarantine", quarantine_id)
    return Refused.model_validate(found)


@router.post("/intake/quarantine/{quarantine_id}/resubmit.json", dependencies=WATCHERS, response_model=Refused)
async def resubmit(
    request: Request, correction: Correction, work: Work, scope: CurrentScope, now: Now, quarantine_id: UUID
) -> Response | Refused:
    """Take it in as corrected; 422 with what is still wrong with it."""
    found = await _found(work, scope, quarantine_id, waiting=True)
    named = resubmission.fields_of(found)
    unknown = sorted(set(correction.fields) - set(named))
    if unknown or not named:
        return _refused("fields", "Nothing of it can be corrected" if not named else "A field of no such record")
    fields = {name: correction.fields.get(name, found.fields.get(name, "")) for name in named}
    secret = keys(request.app.state.service.settings)
    taken = await resubmission.resubmit(work.session, secret, found, fields, scope.person_id, now)
    if isinstance(taken, Refusal):
        return _refused(taken.field, taken.sentence)
    work.record(*taken)
    return Refused.model_validate(found)


@router.post("/intake/quarantine/{quarantine_id}/dismiss.json", dependencies=WATCHERS)
async def dismiss(dismissal: Dismissal, work: Work, scope: CurrentScope, now: Now, quarantine_id: UUID) -> Refused:
    """Leave it out for good, for a reason."""
    found = await _found(work, scope, quarantine_id, waiting=True)
    resubmission.dismiss(found, scope.person_id, now, dismissal.why)
    return Refused.model_validate(found)


def _refused(field: str, why: str) -> Response:
    return JSONResponse({"refused": why, "field": field}, status_code=422)


async def _found(work: Work, scope: CurrentScope, quarantine_id: UUID, *, waiting: bool = False) -> Quarantined:
    found = await queries.quarantined_one(work.session, scope, quarantine_id, lock=waiting)
    if found is None or (waiting and found.state != "waiting"):
        raise HTTPException(404)
    return found
