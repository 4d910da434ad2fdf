"""The practitioner's comment on accuracy, the challenge of a finding, and its answer."""

from typing import Literal
from uuid import UUID, uuid4

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.audit import replies
from services.audit.audits import AuditConflictError
from services.audit.domain.audit_form import AuditForm
from services.audit.models import Challenge
from services.audit.pages.asking import ANSWERERS, CHALLENGERS, COMMENTERS, Now, found
from services.audit.queries import cases
from services.audit.queries.cases import Case
from shared.access import CurrentScope, Scope, trail
from shared.messaging import Reading, Work
from shared.web.flash import flash
from shared.web.forms import Form, Submitted, parse
from shared.web.pages import Page

router = APIRouter(prefix="/audit/audits/{audit_id}")


class CommentForm(BaseModel):
    """What is not right."""

    comment: str = Field(title="Comment", max_length=4000, json_schema_extra={"error": "Say what is not right"})


class ChallengeForm(BaseModel):
    """Why a finding is wrong."""

    words: str = Field(title="Reason", max_length=4000, json_schema_extra={"error": "Say why the finding is wrong"})


class AnswerForm(BaseModel):
    """Whether a challenge is right, and why."""

    upheld: Literal["yes", "no"] = Field(json_schema_extra={"error": "Choose whether the challenge is upheld"})
    answer: str = Field(title="Answer", max_length=4000, json_schema_extra={"error": "Give your reason"})


def _back(audit_id: UUID, message: str) -> Response:
    response = RedirectResponse(f"/audit/audits/{audit_id}", 303)
    flash(response, message)
    return response


@router.post("/comment", dependencies=COMMENTERS)
async def comment(audit_id: UUID, scope: CurrentScope, work: Work, now: Now, fields: Submitted) -> Response:
    """Say whether the facts are right, before the audit is complete."""
    case = found(await cases.readable_case(work.session, scope, audit_id, lock=True))
    found(case if replies.may_comment(scope, case.audit) else None)
    form = parse(CommentForm, fields)
    if form.data is None:
        return _back(audit_id, "Nothing was said, so nothing was kept.")
    await replies.comment(work.session, case.audit, form.data.comment, now)
    return _back(audit_id, "The auditor has your comment.")


async def _challenged(session: Reading, scope: Scope, audit_id: UUID, finding_id: UUID) -> tuple[Case, str]:
    """The audit and the finding's words, for somebody who may challenge it."""
    case = found(await cases.readable_case(session, scope, audit_id))
    found(case if replies.may_challenge(scope, case.audit) else None)
    form = AuditForm.model_validate_json(case.audit.form)
    finding = found(next((each for each in form.findings if each.finding_id == finding_id), None))
    return case, finding.finding


@router.get("/findings/{finding_id}/challenge", dependencies=CHALLENGERS)
async def ask_challenge(audit_id: UUID, finding_id: UUID, page: Page, scope: CurrentScope, work: Work) -> HTMLResponse:
    """Ask why the finding is wrong. Its words are a part of the narrative: the look leaves a trace."""
    case, finding = await _challenged(work.session, scope, audit_id, finding_id)
    await trail.record(work.session, scope, "audit read", audit_id, why="to challenge a finding")
    return page(
        "audit/challenge.html",
        title="Challenge this finding",
        case=case,
        finding=finding,
        finding_id=finding_id,
        form=Form(),
    )


@router.post("/findings/{finding_id}/challenge", dependencies=CHALLENGERS)
async def challenge(
    audit_id: UUID, finding_id: UUID, page: Page, scope: CurrentScope, work: Work, now: Now, fields: Submitted
) -> Response:
    """The finding is challenged."""
    found(await cases.readable_case(work.session, scope, audit_id, lock=True))
    case, finding = await _challenged(work.session, scope, audit_id, finding_id)
    form = parse(ChallengeForm, fields)
    if form.data is None:
        return page(
            "audit/challenge.html",
            title="Challenge this finding",
            status=422,
            case=case,
            finding=finding,
            finding_id=finding_id,
            form=form,
        )
    try:
        events = await replies.challenge(
            work.session,
            case.audit,
            finding_id,
            challenge_id=uuid4(),
            by=scope.person_id,
            words=form.data.words,
            at=now,
        )
    except AuditConflictError as late:
        return _back(audit_id, str(late))
    work.record(*events)
    return _back(audit_id, "The finding is challenged. The answer will appear here.")


async def _raised(session: Reading, scope: Scope, audit_id: UUID, challenge_id: UUID) -> Challenge:
    raised = await replies.challenges(session, scope, audit_id)
    return found(next((each for each in raised if each.challenge_id == challenge_id), None))


@router.post("/challenges/{challenge_id}/answer", dependencies=ANSWERERS)
async def answer(
    audit_id: UUID, challenge_id: UUID, scope: CurrentScope, work: Work, now: Now, fields: Submitted
) -> Response:
    """Answer a challenge, with the reason."""
    case = found(await cases.readable_case(work.session, scope, audit_id, lock=True))
    found(case if replies.may_answer(scope, case.audit) else None)
    raised = await _raised(work.session, scope, audit_id, challenge_id)
    form = parse(AnswerForm, fields)
    if form.data is None:
        return _back(audit_id, " ".join(f"{error}." for error in form.errors.values()))
    try:
        events = await replies.answer(
            work.session,
            case.audit,
            raised,
            upheld=form.data.upheld == "yes",
            words=form.data.answer,
            by=scope.person_id,
            at=now,
        )
    except AuditConflictError as late:
        return _back(audit_id, str(late))
    work.record(*events)
    return _back(audit_id, "The answer is recorded, and whoever challenged the finding can read it.")
