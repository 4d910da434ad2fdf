"""One action: what is asked, by when, whose it is; the one next step for whoever looks; its life as a timeline."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from fastapi import APIRouter, HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.remedial import answers, moves, queries
from services.remedial.domain import oversight
from services.remedial.domain.joining import Alone
from services.remedial.domain.life import Move, State
from services.remedial.hand import SYSTEM
from services.remedial.models import Step
from services.remedial.pages.asking import DIRECTORS, SEERS, Visit, Visiting
from services.remedial.pages.links import case_address
from services.remedial.pages.receiving import settings_of
from services.remedial.queries import Seen
from services.remedial.words import Words, words_of
from shared.access import Scope, reasons, trail
from shared.access.reasons import Reason
from shared.web.forms import Form, Submitted, parse
from shared.web.pages import PageMaker

router = APIRouter(prefix="/remedial/actions", dependencies=SEERS)

TITLES = {
    "raise": "Raised",
    Move.SEE: "Seen by the owner",
    Move.START: "Started",
    Move.REPORT: "Reported done",
    Move.VERIFY: "Verified",
    Move.RETURN: "Sent back",
    Move.REASSIGN: "Given to somebody else",
    Move.EXTEND: "Given more time",
    Move.CHANGE: "Changed with its audit",
    Move.WITHDRAW: "Withdrawn",
    Move.REOPEN: "Asked for again",
    Move.ESCALATE: "Escalated",
    Move.CHASE: "Chased",
    Move.ACKNOWLEDGE: "Taken in hand",
    Move.CHECK: "Looked at again",
    Move.ATTACH: "File attached",
    Move.DETACH: "File removed",
    "join": "Answers one more finding",
    "part": "Answers one finding less",
}


ALONE: Mapping[str, str] = {
    Alone.UNKNOWN: "it never became known",
    Alone.REPORTED: "it had been reported done before",
    Alone.VERIFIED: "it was finished already",
    Alone.WITHDRAWN: "it was withdrawn",
    Alone.OTHER_OWNER: "it belongs to somebody else by now",
    Alone.OTHER_TEAM: "it belongs to another team by now",
    Alone.OTHER_AUDITOR: "another auditor watches it",
}
"""Why the action that was to answer the finding does not."""


@dataclass(frozen=True)
class Event:
    """One entry of the timeline, as its macro takes it."""

    title: str
    by: str
    at: datetime
    text: str


LOOK = "action"
"""What the trail calls an action that somebody opens."""


@router.get("/{action_id}")
async def action(action_id: UUID, visit: Visiting) -> HTMLResponse:
    """The action's page. Its owner's first look is kept as `seen`; every look leaves a trace."""
    seen = await found(visit, action_id)
    reason = await reasons.given(visit.work.session, visit.scope, LOOK, action_id)
    if reason is None and oversight.must_say_why(visit.scope, seen.concerned):
        return _ask_why(visit, seen, Form())
    if seen.action.state == State.RAISED and seen.action.owner_id == visit.scope.person_id:
        visit.work.record(*await moves.see(visit.work.session, visit.by, action_id))
    return await show(visit, action_id, reason=reason)


@router.post("/{action_id}/open", dependencies=DIRECTORS)
async def give_reason(action_id: UUID, visit: Visiting, submitted: Submitted) -> Response:
    """The DCS says why they open a case. The reason goes into the trail and into no address."""
    seen = await found(visit, action_id)
    form = parse(Reason, submitted)
    if form.data is None:
        return _ask_why(visit, seen, form)
    await reasons.give(visit.work.session, visit.scope, LOOK, action_id, form.data)
    return RedirectResponse(f"/remedial/actions/{action_id}", status_code=303)


def _ask_why(visit: Visit, seen: Seen, form: Form[Reason]) -> HTMLResponse:
    return visit.page(
        "caseloop/why.html",
        title="Why are you opening this case?",
        status=422 if form.errors else 200,
        about=f"An action about {seen.action.domain.replace('_', ' ')}: {seen.theme}.",
        action=f"/remedial/actions/{seen.action.action_id}/open",
        form=form,
        minutes=reasons.MINUTES,
    )


async def found(visit: Visit, action_id: UUID) -> Seen:
    """The action, or 404 where it does not exist for this person."""
    seen = await queries.one(visit.work.session, visit.scope, action_id)
    if seen is None:
        raise HTTPException(404)
    return seen


async def show(
    visit: Visit, action_id: UUID, *, problem: str = "", reason: reasons.Given | None = None
) -> HTMLResponse:
    """The page as it stands now; with `problem`, what could not be done at the top of it (409)."""
    session, scope = visit.work.session, visit.scope
    seen = await found(visit, action_id)
    await trail.record(session, scope, LOOK, action_id, reason.why if reason else "")
    state, concerned = seen.action.state_now, seen.concerned
    reads = oversight.reads_words(scope, concerned)
    words = await words_of(session, [seen.action.finding_id, action_id])
    is_last = not (
        await queries.open_siblings(session, scope, seen.action)
        or await answers.waited_for(session, scope, seen.action.audit_id)
    )
    return visit.page(
        "remedial/action.html",
        title=f"Action: {seen.action.domain.replace('_', ' ')}",
        status=409 if problem else 200,
        problem=problem,
        reason=reason,
        seen=seen,
        action=seen.action,
        reads=reads,
        finding=words[seen.action.finding_id],
        report=words[action_id],
        answered=await answers.answered(session, scope, seen),
        alone=ALONE.get(seen.action.alone_because or ""),
        files=(await queries.attachments_of(session, scope, [action_id]))[action_id] if reads else [],
        takes_files=settings_of(visit.request).attachments,
        case=case_address(visit.case_link, seen.case_id),
        case_of=partial(case_address, visit.case_link),
        next=oversight.next_move(scope, concerned, state),
        offered=oversight.offered(scope, concerned, state),
        bar=oversight.bar(Move.VERIFY, scope, concerned) if _could_verify(scope, seen) else None,
        scale=seen.programme.scale if seen.programme and is_last else [],
        events=[
            _event(step, said, visit.page, reads) for step, said in await queries.steps_of(session, scope, action_id)
        ],
    )


def _could_verify(scope: Scope, seen: Seen) -> bool:
    waiting = seen.action.state == State.REPORTED
    return waiting and oversight.has_role_for(Move.VERIFY, scope, seen.concerned)


def _event(step: Step, said: Words, page: PageMaker, reads: bool) -> Event:
    names = page.names.people
    lines = []
    if step.move == Move.REASSIGN:
        lines.append(f"To {names.get(step.owner_id or '', step.owner_id or 'nobody yet')}.")
    if step.move == Move.ESCALATE:
        lines.append(f"To {names.get(step.owner_id or '', step.owner_id or 'nobody: no manager is known')}.")
    if step.due_on:
        lines.append(f"Due {step.due_on:%A} {step.due_on.day} {step.due_on:%B %Y}.")
    if step.text_id and step.move != Move.REPORT and reads:
        lines.append(said["reason"] or said.placeholder)
    by = "" if step.by in {None, SYSTEM} else names.get(step.by or "", step.by or "")
    return Event(TITLES.get(step.move, step.move), by, step.at, "\n\n".join(lines))
