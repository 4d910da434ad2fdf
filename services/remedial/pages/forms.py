"""The forms that move an action: each asks one thing, shows what is wrong beside its field, and says what it did."""

from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.remedial import moves, queries
from services.remedial.domain.life import Move
from services.remedial.pages.action import LOOK
from services.remedial.pages.answering import after, done, offers, page_of, shown
from services.remedial.pages.asking import OVERSEERS, REPORTERS, Visit, Visiting
from services.remedial.pages.attachments import asks_for_files, change, files_of
from services.remedial.pages.links import evidence_address
from services.remedial.pages.owners import possible_owners
from services.remedial.pages.reasons import Reason
from services.remedial.pages.receiving import ANSWERED_BYTES, Receiving
from services.remedial.queries import Seen
from services.remedial.words import words_of
from shared.access import trail
from shared.events import Event
from shared.web.forms import Form, Submitted, parse

router = APIRouter(prefix="/remedial/actions/{action_id}")

WORDS = 4000


class ReportForm(BaseModel):
    """What the owner says."""

    done: str = Field(title="What was done", max_length=WORDS, json_schema_extra={"error": "Enter what was done"})
    difference: str = Field(
        title="What difference it made for the child",
        max_length=WORDS,
        json_schema_extra={"error": "Enter what difference it made for the child"},
    )
    evidence: str = Field(default="", title="Link to the evidence", max_length=500)


class ReassignForm(BaseModel):
    """To whom, and why: in the order in which the page asks, for what is wrong is listed in it."""

    owner: str = Field(max_length=64, json_schema_extra={"error": "Select who takes it on"})
    reason: Reason


class ExtendForm(BaseModel):
    """Until when, and why."""

    due_on: date = Field(title="New due date", json_schema_extra={"error": "Enter the new due date"})
    reason: Reason


@router.get("/report", dependencies=REPORTERS)
async def report_form(action_id: UUID, visit: Visiting) -> Response:
    """What did you do, and what difference did it make?"""
    return await _ask_what(visit, await offers(visit, action_id, Move.REPORT), Form())


@router.post("/report", dependencies=REPORTERS, max_body_size=ANSWERED_BYTES)
async def report(action_id: UUID, visit: Visiting, received: Receiving) -> Response:
    """I have done this. A file that comes with it is attached first, and stays where the words are not complete yet."""
    seen, form = await offers(visit, action_id, Move.REPORT), parse(ReportForm, received.fields)
    if asks_for_files(received):
        form.errors.clear()
    await change(visit, action_id, received, form)
    if form.is_valid and form.data is not None and not asks_for_files(received):
        is_mine = seen.action.owner_id == visit.scope.person_id
        back = "/remedial/mine" if is_mine else page_of(action_id)
        make = partial(_report, visit, action_id, form.data)
        if answer := await done(visit, form, make, back, "Reported done. An auditor will look at it."):
            return answer
    return await _ask_what(visit, seen, form)


async def _ask_what(visit: Visit, seen: Seen, form: Form[Any]) -> Response:
    """The form, under what was asked for: nobody has to remember it. A look at it leaves a trace."""
    session, finding = visit.work.session, seen.action.finding_id
    await trail.record(session, visit.scope, LOOK, seen.action.action_id)
    files = await files_of(visit, seen.action.action_id)
    asked = (await words_of(session, [finding]))[finding]
    return shown(visit, "remedial/report.html", "I have done this", seen, form, files, asked)


async def _report(visit: Visit, action_id: UUID, said: ReportForm) -> list[Event]:
    report = moves.Report(said.done, said.difference, evidence_address(visit.case_link, said.evidence))
    return await moves.report(visit.work.session, visit.by, action_id, report)


@router.get("/reassign", dependencies=OVERSEERS)
async def reassign_form(action_id: UUID, visit: Visiting) -> Response:
    """To whom, and why?"""
    return await _ask_whom(visit, await offers(visit, action_id, Move.REASSIGN), Form())


@router.post("/reassign", dependencies=OVERSEERS)
async def reassign(action_id: UUID, visit: Visiting, submitted: Submitted) -> Response:
    """Somebody else owns it from now on."""
    seen, form = await offers(visit, action_id, Move.REASSIGN), parse(ReassignForm, submitted)
    if (said := form.data) is not None:
        make = partial(moves.reassign, visit.work.session, visit.by, action_id, said.owner, said.reason)
        if answer := await done(visit, form, make, page_of(action_id), "Given to somebody else."):
            sees = await queries.audit_of(visit.work.session, visit.scope, action_id) is not None
            return answer if sees else after("/remedial/team", "Given to somebody else, in a team that is not yours.")
    return await _ask_whom(visit, seen, form)


async def _ask_whom(visit: Visit, seen: Seen, form: Form[Any]) -> Response:
    choices = await possible_owners(visit)
    others = [choice for choice in choices if choice[0] != seen.action.owner_id]
    title = "Give it to somebody else" if seen.action.owner_id else "Give it an owner"
    return shown(visit, "remedial/reassign.html", title, seen, form, others)


@router.get("/extend", dependencies=OVERSEERS)
async def extend_form(action_id: UUID, visit: Visiting) -> Response:
    """Until when, and why?"""
    return _ask_when(visit, await offers(visit, action_id, Move.EXTEND), Form())


@router.post("/extend", dependencies=OVERSEERS)
async def extend(action_id: UUID, visit: Visiting, submitted: Submitted) -> Response:
    """More time; timeliness is still measured against the first due date."""
    seen, form = await offers(visit, action_id, Move.EXTEND), parse(ExtendForm, submitted)
    if (said := form.data) is not None:
        make = partial(moves.extend, visit.work.session, visit.by, action_id, said.due_on, said.reason)
        if answer := await done(visit, form, make, page_of(action_id), "Given more time."):
            return answer
    return _ask_when(visit, seen, form)


def _ask_when(visit: Visit, seen: Seen, form: Form[Any]) -> Response:
    return shown(visit, "remedial/extend.html", "Give more time", seen, form)
