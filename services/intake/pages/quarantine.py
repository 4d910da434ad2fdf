"""Quarantine: what was refused and why; correct and resubmit it, or dismiss it with a reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.intake import queries, resubmission
from services.intake.domain import identity
from services.intake.domain.refusal import Refusal
from services.intake.models import Quarantined, Upload
from services.intake.pages.asking import COUNTERS, FIELDS, WATCHERS, Now, PageNumber, kind_name, road_name
from services.intake.queries import Around
from services.intake.settings import keys
from shared.access import CurrentScope, trail
from shared.messaging import Reading, Work
from shared.web import Form, Page, PageMaker, Submitted, flash, parse

router = APIRouter()

WAITING = "waiting"
SETTLED = {
    "resubmitted": "It was corrected and taken in already, so nothing was done a second time",
    "dismissed": "It was dismissed already, so nothing was done a second time",
}
"""What is said where somebody has settled it: whoever presses twice, or a colleague."""
STATES = (WAITING, *SETTLED)


class Dismissal(BaseModel):
    """Why something is left out for good."""

    why: str = Field(title="A reason", max_length=500, json_schema_extra={"error": "Enter why it is dismissed"})


class Correction(BaseModel):
    """The corrected fields are checked by the rules of their kind."""


@dataclass(frozen=True)
class Part:
    """The part of the list that somebody looks at: it goes with them to one record, and back to the next."""

    state: str
    reason: str
    number: int

    def at(self, address: str) -> str:
        """The address, with this part of the list kept in it."""
        differing = {
            "state": "" if self.state == WAITING else self.state,
            "reason": self.reason,
            "page": "" if self.number == 1 else self.number,
        }
        query = urlencode({name: value for name, value in differing.items() if value})
        return f"{address}?{query}" if query else address


def part_of(
    state: Annotated[str, Query(max_length=20)] = WAITING,
    reason: Annotated[str, Query(max_length=64)] = "",
    number: PageNumber = 1,
) -> Part:
    """How the address narrows the list."""
    return Part(state if state in STATES else WAITING, reason, number)


PartOf = Annotated[Part, Depends(part_of)]


@router.get("/intake/quarantine", dependencies=COUNTERS)
async def everything(page: Page, session: Reading, scope: CurrentScope, part: PartOf) -> HTMLResponse:
    """Counts by reason, and for whoever may see it, what was refused."""
    return page(
        "intake/quarantine.html",
        title="Quarantine",
        waiting=await queries.waiting(session, scope),
        listed=await queries.quarantined(session, scope, part.state, part.reason or None, part.number),
        sees_values=queries.sees_values(scope),
        part=part,
        road_name=road_name,
        kind_name=kind_name,
    )


@router.get("/intake/quarantine/{quarantine_id}", dependencies=WATCHERS)
async def one(
    request: Request, page: Page, work: Work, scope: CurrentScope, part: PartOf, quarantine_id: UUID
) -> HTMLResponse:
    """One thing that was refused. Reading it leaves a trace."""
    found = await _found(work, scope, quarantine_id)
    await trail.record(work.session, scope, "quarantine", quarantine_id)
    around = await _around(request, work, scope, found)
    file = await queries.newest_file_with(work.session, scope, quarantine_id)
    return _one_page(page, found, part, Form(values=found.fields), Form(), around, file)


@router.post("/intake/quarantine/{quarantine_id}/resubmit", dependencies=WATCHERS)
async def resubmit(
    request: Request,
    page: Page,
    work: Work,
    scope: CurrentScope,
    now: Now,
    submitted: Submitted,
    part: PartOf,
    quarantine_id: UUID,
) -> Response:
    """Take it in as corrected."""
    found = await _found(work, scope, quarantine_id, lock=True)
    if found.state != WAITING:
        return _back(part, SETTLED[found.state])
    form: Form[Correction] = Form(values=submitted)
    fields = {name: form.value(name) for name in resubmission.fields_of(found)}
    if not fields:
        raise HTTPException(404)
    secret = keys(request.app.state.service.settings)
    taken = await resubmission.resubmit(work.session, secret, found, fields, scope.person_id, now)
    if isinstance(taken, Refusal):
        form.refuse(taken.field if taken.field in fields else "child", taken.sentence)
        return _one_page(page, found, part, form, Form())
    work.record(*taken)
    return _back(part, "It was corrected and taken in")


@router.post("/intake/quarantine/{quarantine_id}/dismiss", dependencies=WATCHERS)
async def dismiss(
    page: Page, work: Work, scope: CurrentScope, now: Now, submitted: Submitted, part: PartOf, quarantine_id: UUID
) -> Response:
    """Leave it out for good."""
    found = await _found(work, scope, quarantine_id, lock=True)
    if found.state != WAITING:
        return _back(part, SETTLED[found.state])
    form = parse(Dismissal, submitted)
    if form.data is None:
        return _one_page(page, found, part, Form(values=found.fields), form)
    resubmission.dismiss(found, scope.person_id, now, form.data.why)
    return _back(part, "It was dismissed")


async def _found(work: Work, scope: CurrentScope, quarantine_id: UUID, *, lock: bool = False) -> Quarantined:
    found = await queries.quarantined_one(work.session, scope, quarantine_id, lock=lock)
    if found is None:
        raise HTTPException(404)
    return found


async def _around(request: Request, work: Work, scope: CurrentScope, found: Quarantined) -> Sequence[Around]:
    """The records of the same child that did arrive."""
    child = found.fields.get("child")
    if child is None:
        return []
    _, secret = keys(request.app.state.service.settings)
    return await queries.records_of(work.session, scope, identity.pseudonym(secret, child))


def _one_page(
    page: PageMaker,
    found: Quarantined,
    part: Part,
    form: Form[Correction],
    dismissal: Form[Dismissal],
    around: Sequence[Around] = (),
    file: Upload | None = None,
) -> HTMLResponse:
    return page(
        "intake/quarantined.html",
        title="Quarantine",
        status=422 if form.errors or dismissal.errors else 200,
        one=found,
        part=part,
        around=around,
        file=file,
        form=form,
        dismissal=dismissal,
        fields=[(name, FIELDS[name]) for name in resubmission.fields_of(found)],
        field_names=FIELDS,
        road_name=road_name,
        kind_name=kind_name,
    )


def _back(part: Part, message: str) -> Response:
    response = RedirectResponse(part.at("/intake/quarantine"), status_code=303)
    flash(response, message)
    return response
