"""The forms that move an action: each asks one thing, shows what is wrong beside its field, and says what it did."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from services.remedial import moves
from services.remedial.domain import oversight
from services.remedial.domain.life import Move
from services.remedial.domain.refusal import Refused
from services.remedial.moves import By
from services.remedial.pages.action import found, show
from services.remedial.pages.asking import (
    ACKNOWLEDGERS,
    CHECKERS,
    OVERSEERS,
    REPORTERS,
    VERIFIERS,
    WITHDRAWERS,
    Visit,
    Visiting,
)
from services.remedial.pages.links import evidence_address
from services.remedial.pages.owners import possible_owners
from services.remedial.queries import Seen
from shared.events import Event
from shared.web.flash import flash
from shared.web.forms import Form, Submitted, parse

router = APIRouter(prefix="/remedial/actions/{action_id}")

WORDS = 4000
REASON = 1000


class ReportForm(BaseModel):
    """What the owner says."""

    done: str = Field(title="What was done", max_length=WORDS, json_schema_extra={"error": "Enter what was done"})
    difference: str = Field(
        title="What difference it made for the child",
        max_length=WORDS,
        json_schema_extra={"error": "Enter what difference it made for the child"},
    )
    evidence: str = Field(default="", title="Link to the evidence", max_length=500)


class ReasonForm(BaseModel):
    """Why."""

    reason: str = Field(title="Reason", max_length=REASON, json_schema_extra={"error": "Enter a reason"})


class ChaseForm(BaseModel):
    """How somebody was asked; may stay empty."""

    reason: str = Field(default="", title="What was said", max_length=REASON)


class ReassignForm(ReasonForm):
    """To whom, and why."""

    owner: str = Field(max_length=64, json_schema_extra={"error": "Select who takes it on"})


class ExtendForm(ReasonForm):
    """Until when, and why."""

    due_on: date = Field(title="New due date", json_schema_extra={"error": "Enter the new due date"})


@dataclass(frozen=True)
class Asked:
    """A form that asks for a reason only: its words, and what is said when it is done."""

    move: Move
    title: str
    text: str
    label: str
    button: str
    done: str
    back: str = ""


RETURN = Asked(
    Move.RETURN,
    "Send it back",
    "The owner sees your reason and can report it again. The due date stands.",
    "What is still missing?",
    "Send it back",
    "Sent back to its owner.",
    back="/remedial/verify",
)
REOPEN = Asked(
    Move.REOPEN,
    "Ask for it again",
    "The action is open again with a new due date, and so is the loop of its audit.",
    "Why is it needed again?",
    "Ask for it again",
    "Open again.",
)
WITHDRAW = Asked(
    Move.WITHDRAW,
    "Withdraw this action",
    "Nothing more is asked of its owner. It stays on record with your reason.",
    "Why is it no longer needed?",
    "Withdraw it",
    "Withdrawn.",
)
CHASE = Asked(
    Move.CHASE,
    "Record that you chased it",
    "So that nobody asks twice, and everybody can see that somebody did.",
    "What was said? (optional)",
    "Record it",
    "Recorded that you chased it.",
)


MoveForReason = Callable[[AsyncSession, By, UUID, str], Awaitable[list[Event]]]
"""A move that takes a reason and nothing else."""


async def _offers(visit: Visit, action_id: UUID, move: Move) -> Seen:
    """The action, where this move exists for this person; 404 otherwise."""
    seen = await found(visit, action_id)
    if not oversight.has_role_for(move, visit.scope, seen.concerned):
        raise HTTPException(404)
    return seen


async def _made(visit: Visit, form: Form[Any], move: Awaitable[list[Event]]) -> bool:
    """Make the move; a refusal becomes the form's error, and nothing has changed."""
    try:
        visit.work.record(*await move)
    except Refused as no:
        form.refuse(no.field or "reason", str(no))
        return False
    return True


def _after(path: str, message: str) -> Response:
    response = RedirectResponse(path, status_code=303)
    flash(response, message)
    return response


def _shown(visit: Visit, template: str, title: str, seen: Seen, form: Form[Any], more: object = None) -> Response:
    status = 422 if form.errors else 200
    return visit.page(template, title=title, status=status, seen=seen, action=seen.action, form=form, more=more)


def _page_of(action_id: UUID) -> str:
    return f"/remedial/actions/{action_id}"


@router.post("/start", dependencies=REPORTERS)
async def start(action_id: UUID, visit: Visiting) -> Response:
    """I am working on it."""
    try:
        visit.work.record(*await moves.start(visit.work.session, visit.by, action_id))
    except Refused as no:
        return await show(visit, action_id, problem=str(no))
    return _after(_page_of(action_id), "Marked as in progress.")


@router.get("/report", dependencies=REPORTERS)
async def report_form(action_id: UUID, visit: Visiting) -> Response:
    """What did you do, and what difference did it make?"""
    seen = await _offers(visit, action_id, Move.REPORT)
    return _shown(visit, "remedial/report.html", "I have done this", seen, Form())


@router.post("/report", dependencies=REPORTERS)
async def report(action_id: UUID, visit: Visiting, submitted: Submitted) -> Response:
    """I have done this."""
    seen, form = await _offers(visit, action_id, Move.REPORT), parse(ReportForm, submitted)
    if form.data and await _made(visit, form, _report(visit, action_id, form.data)):
        is_mine = seen.action.owner_id == visit.scope.person_id
        back = "/remedial/mine" if is_mine else _page_of(action_id)
        return _after(back, "Reported done. An auditor will look at it.")
    return _shown(visit, "remedial/report.html", "I have done this", seen, form)


@router.post("/acknowledge", dependencies=ACKNOWLEDGERS)
async def acknowledge(action_id: UUID, visit: Visiting) -> Response:
    """I have the escalation in hand."""
    await _offers(visit, action_id, Move.ACKNOWLEDGE)
    try:
        visit.work.record(*await moves.acknowledge(visit.work.session, visit.by, action_id))
    except Refused as no:
        return await show(visit, action_id, problem=str(no))
    return _after(_page_of(action_id), "You have it in hand.")


async def _report(visit: Visit, action_id: UUID, said: ReportForm) -> list[Event]:
    report = moves.Report(said.done, said.difference, evidence_address(visit.case_link, said.evidence))
    return await moves.report(visit.work.session, visit.by, action_id, report)


@router.post("/verify", dependencies=VERIFIERS)
async def verify(action_id: UUID, visit: Visiting, submitted: Submitted) -> Response:
    """It is done; with the last action of an audit, the case is re-rated or its rating confirmed."""
    await _offers(visit, action_id, Move.VERIFY)
    grade = str(submitted.get("grade", "")) or None
    try:
        visit.work.record(*await moves.verify(visit.work.session, visit.by, action_id, grade))
    except Refused as no:
        return await show(visit, action_id, problem=str(no))
    return _after("/remedial/verify", "Verified.")


@router.post("/check", dependencies=CHECKERS)
async def check(action_id: UUID, visit: Visiting, submitted: Submitted) -> Response:
    """The second look: upheld, or asked for again."""
    await _offers(visit, action_id, Move.CHECK)
    upheld, reason = submitted.get("upheld") == "yes", str(submitted.get("reason", "")).strip()[:REASON]
    try:
        visit.work.record(*await moves.check(visit.work.session, visit.by, action_id, upheld=upheld, reason=reason))
    except Refused as no:
        return await show(visit, action_id, problem=str(no))
    return _after("/remedial/verify", "Your second look is recorded.")


async def _ask(asked: Asked, visit: Visit, action_id: UUID) -> Response:
    seen = await _offers(visit, action_id, asked.move)
    return _shown(visit, "remedial/reason.html", asked.title, seen, Form(), asked)


async def _answer(asked: Asked, visit: Visit, action_id: UUID, form: Form[Any], move: MoveForReason) -> Response:
    seen = await _offers(visit, action_id, asked.move)
    if form.data and await _made(visit, form, move(visit.work.session, visit.by, action_id, form.data.reason)):
        return _after(asked.back or _page_of(action_id), asked.done)
    return _shown(visit, "remedial/reason.html", asked.title, seen, form, asked)


@router.get("/return", dependencies=VERIFIERS)
async def return_form(action_id: UUID, visit: Visiting) -> Response:
    """Why is it not done yet?"""
    return await _ask(RETURN, visit, action_id)


@router.post("/return", dependencies=VERIFIERS)
async def send_back(action_id: UUID, visit: Visiting, submitted: Submitted) -> Response:
    """Back to its owner, with the reason."""
    return await _answer(RETURN, visit, action_id, parse(ReasonForm, submitted), moves.send_back)


@router.get("/reopen", dependencies=VERIFIERS)
async def reopen_form(action_id: UUID, visit: Visiting) -> Response:
    """Why is it needed again?"""
    return await _ask(REOPEN, visit, action_id)


@router.post("/reopen", dependencies=VERIFIERS)
async def reopen(action_id: UUID, visit: Visiting, submitted: Submitted) -> Response:
    """Open again, with a new due date."""
    return await _answer(REOPEN, visit, action_id, parse(ReasonForm, submitted), moves.reopen)


@router.get("/withdraw", dependencies=WITHDRAWERS)
async def withdraw_form(action_id: UUID, visit: Visiting) -> Response:
    """Why is it no longer needed?"""
    return await _ask(WITHDRAW, visit, action_id)


@router.post("/withdraw", dependencies=WITHDRAWERS)
async def withdraw(action_id: UUID, visit: Visiting, submitted: Submitted) -> Response:
    """No longer asked for."""
    return await _answer(WITHDRAW, visit, action_id, parse(ReasonForm, submitted), moves.withdraw)


@router.get("/chase", dependencies=OVERSEERS)
async def chase_form(action_id: UUID, visit: Visiting) -> Response:
    """What was said?"""
    return await _ask(CHASE, visit, action_id)


@router.post("/chase", dependencies=OVERSEERS)
async def chase(action_id: UUID, visit: Visiting, submitted: Submitted) -> Response:
    """Somebody asked the owner."""
    return await _answer(CHASE, visit, action_id, parse(ChaseForm, submitted), moves.chase)


@router.get("/reassign", dependencies=OVERSEERS)
async def reassign_form(action_id: UUID, visit: Visiting) -> Response:
    """To whom, and why?"""
    return await _ask_whom(visit, await _offers(visit, action_id, Move.REASSIGN), Form())


@router.post("/reassign", dependencies=OVERSEERS)
async def reassign(action_id: UUID, visit: Visiting, submitted: Submitted) -> Response:
    """Somebody else owns it from now on."""
    seen, form = await _offers(visit, action_id, Move.REASSIGN), parse(ReassignForm, submitted)
    if (said := form.data) is not None:
        move = moves.reassign(visit.work.session, visit.by, action_id, said.owner, said.reason)
        if await _made(visit, form, move):
            return _after(_page_of(action_id), "Given to somebody else.")
    return await _ask_whom(visit, seen, form)


async def _ask_whom(visit: Visit, seen: Seen, form: Form[Any]) -> Response:
    choices = await possible_owners(visit)
    others = [choice for choice in choices if choice[0] != seen.action.owner_id]
    title = "Give it to somebody else" if seen.action.owner_id else "Give it an owner"
    return _shown(visit, "remedial/reassign.html", title, seen, form, others)


@router.get("/extend", dependencies=OVERSEERS)
async def extend_form(action_id: UUID, visit: Visiting) -> Response:
    """Until when, and why?"""
    return _ask_when(visit, await _offers(visit, action_id, Move.EXTEND), Form())


@router.post("/extend", dependencies=OVERSEERS)
async def extend(action_id: UUID, visit: Visiting, submitted: Submitted) -> Response:
    """More time; timeliness is still measured against the first due date."""
    seen, form = await _offers(visit, action_id, Move.EXTEND), parse(ExtendForm, submitted)
    if (said := form.data) is not None:
        move = moves.extend(visit.work.session, visit.by, action_id, said.due_on, said.reason)
        if await _made(visit, form, move):
            return _after(_page_of(action_id), "Given more time.")
    return _ask_when(visit, seen, form)


def _ask_when(visit: Visit, seen: Seen, form: Form[Any]) -> Response:
    return _shown(visit, "remedial/extend.html", "Give more time", seen, form)
