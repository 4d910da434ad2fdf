"""The same moves for programs: JSON in, the action as it stands out. A rule that bars answers 409 with its sentence."""

from collections.abc import Awaitable
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.responses import JSONResponse, Response

from services.remedial import moves, queries
from services.remedial.loop_notes import LoopNote, note_of
from services.remedial.models import Action
from services.remedial.pages.asking import (
    ACKNOWLEDGERS,
    LOOP_READERS,
    OVERSEERS,
    REPORTERS,
    SEERS,
    VERIFIERS,
    WITHDRAWERS,
    Looking,
    Visit,
    Visiting,
)
from services.remedial.pages.links import evidence_address
from shared.access import CurrentScope
from shared.events import Event
from shared.messaging import Reading

router = APIRouter(prefix="/remedial/api/actions")
loops = APIRouter(prefix="/remedial/api/loops", dependencies=LOOP_READERS)

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
PersonId = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Asked(BaseModel):
    """A body: nothing in it is unknown."""

    model_config = ConfigDict(extra="forbid")


class ReportBody(Asked):
    """What the owner says."""

    done: Words
    difference: Words
    evidence: Annotated[str, StringConstraints(max_length=500)] = ""


class VerifyBody(Asked):
    """With the last action of an audit, the case's grade as it is now."""

    grade: Annotated[str, StringConstraints(max_length=64)] | None = None


class ReasonBody(Asked):
    """Why."""

    reason: Reason


class ReassignBody(ReasonBody):
    """To whom, and why."""

    owner_id: PersonId


class ExtendBody(ReasonBody):
    """Until when, and why."""

    due_on: date


class ActionView(BaseModel):
    """An action as programs see it: codes, ids and dates, no words."""

    action_id: UUID
    audit_id: UUID
    finding_id: UUID
    theme_id: str
    domain: str
    severity: str
    rag: str
    state: str
    owner_id: str | None
    team_id: str | None
    raised_at: datetime
    due_on: date
    due_at: datetime
    first_due_on: date
    working_days: int
    due_rule: str
    extensions: int
    reassignments: int
    returns: int
    reported_by: str | None
    reported_at: datetime | None
    verified_by: str | None
    verified_at: datetime | None
    in_time: bool | None


class ActionsView(BaseModel):
    """One page of a list, and how many there are in all."""

    total: int
    page: int
    pages: int
    actions: list[ActionView]


class Problem(BaseModel):
    """Why not."""

    detail: str


REFUSED: dict[int | str, dict[str, object]] = {409: {"model": Problem, "description": "A rule bars it."}}


async def refused(_request: Request, no: Exception) -> Response:
    """A rule bars it: 409 with its sentence, and nothing has changed."""
    return JSONResponse({"detail": str(no)}, status_code=409)


def _view(action: Action) -> ActionView:
    return ActionView.model_validate(action, from_attributes=True)


async def _made(visit: Visit, action_id: UUID, move: Awaitable[list[Event]]) -> ActionView:
    """Make the move and show where the action stands now; to whom it no longer shows, as it was left."""
    visit.work.record(*await move)
    return _view(await visit.work.session.get_one(Action, action_id))


@router.get("", dependencies=SEERS)
async def actions(look: Looking, session: Reading) -> ActionsView:
    """The open actions that this person may see."""
    listed = await queries.listed(session, look.scope, look.filters.conditions(look.days), look.number)
    views = [_view(action) for action in listed.actions]
    return ActionsView(total=listed.total, page=listed.page, pages=listed.pages, actions=views)


@router.get("/{action_id}", dependencies=SEERS)
async def action(action_id: UUID, scope: CurrentScope, session: Reading) -> ActionView:
    """One action."""
    seen = await queries.one(session, scope, action_id)
    if seen is None:
        raise HTTPException(404)
    return _view(seen.action)


@router.post("/{action_id}/start", dependencies=REPORTERS, responses=REFUSED)
async def start(action_id: UUID, visit: Visiting) -> ActionView:
    """The owner is working on it."""
    return await _made(visit, action_id, moves.start(visit.work.session, visit.by, action_id))


@router.post("/{action_id}/report", dependencies=REPORTERS, responses=REFUSED)
async def report(action_id: UUID, said: ReportBody, visit: Visiting) -> ActionView:
    """The owner says that it is done."""
    return await _made(visit, action_id, _report(visit, action_id, said))


async def _report(visit: Visit, action_id: UUID, said: ReportBody) -> list[Event]:
    report = moves.Report(said.done, said.difference, evidence_address(visit.case_link, said.evidence))
    return await moves.report(visit.work.session, visit.by, action_id, report)


@router.post("/{action_id}/acknowledge", dependencies=ACKNOWLEDGERS, responses=REFUSED)
async def acknowledge(action_id: UUID, visit: Visiting) -> ActionView:
    """Whoever it was escalated to has it in hand."""
    return await _made(visit, action_id, moves.acknowledge(visit.work.session, visit.by, action_id))


@router.post("/{action_id}/verify", dependencies=VERIFIERS, responses=REFUSED)
async def verify(action_id: UUID, said: VerifyBody, visit: Visiting) -> ActionView:
    """Somebody else confirmed that it is done."""
    return await _made(visit, action_id, moves.verify(visit.work.session, visit.by, action_id, said.grade))


@router.post("/{action_id}/return", dependencies=VERIFIERS, responses=REFUSED)
async def send_back(action_id: UUID, said: ReasonBody, visit: Visiting) -> ActionView:
    """Back to its owner, with a reason."""
    return await _made(visit, action_id, moves.send_back(visit.work.session, visit.by, action_id, said.reason))


@router.post("/{action_id}/reopen", dependencies=VERIFIERS, responses=REFUSED)
async def reopen(action_id: UUID, said: ReasonBody, visit: Visiting) -> ActionView:
    """Asked for again, with a reason."""
    return await _made(visit, action_id, moves.reopen(visit.work.session, visit.by, action_id, said.reason))


@router.post("/{action_id}/reassign", dependencies=OVERSEERS, responses=REFUSED)
async def reassign(action_id: UUID, said: ReassignBody, visit: Visiting) -> ActionView:
    """Somebody else owns it, for a reason."""
    move = moves.reassign(visit.work.session, visit.by, action_id, said.owner_id, said.reason)
    return await _made(visit, action_id, move)


@router.post("/{action_id}/extend", dependencies=OVERSEERS, responses=REFUSED)
async def extend(action_id: UUID, said: ExtendBody, visit: Visiting) -> ActionView:
    """A later due date, for a reason."""
    move = moves.extend(visit.work.session, visit.by, action_id, said.due_on, said.reason)
    return await _made(visit, action_id, move)


@router.post("/{action_id}/withdraw", dependencies=WITHDRAWERS, responses=REFUSED)
async def withdraw(action_id: UUID, said: ReasonBody, visit: Visiting) -> ActionView:
    """No longer asked for, for a reason."""
    return await _made(visit, action_id, moves.withdraw(visit.work.session, visit.by, action_id, said.reason))


@loops.get("/{audit_id}")
async def loop_note(audit_id: UUID, scope: CurrentScope, session: Reading) -> LoopNote:
    """The note for the child's file: how the case stood before and stands after, and whether it held."""
    note = await note_of(session, scope, audit_id)
    if note is None:
        raise HTTPException(404)
    return note
