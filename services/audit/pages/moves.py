"""Claim, hand over, return: how a case changes hands. Two auditors who press at once: one has it, the other is told."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.audit import leaving, moves
from services.audit.audits import AuditConflictError
from services.audit.moves import RETURN_REASONS, ReturnReason
from services.audit.pages.asking import AUDITORS, Now, found
from services.audit.queries import cases
from services.audit.queries.cases import Case
from services.audit.standings import in_force
from shared.access import CurrentScope
from shared.messaging import Reading, Work
from shared.web.flash import flash
from shared.web.forms import Form, Submitted, parse
from shared.web.once import SENT_ALREADY
from shared.web.pages import Page

router = APIRouter(prefix="/audit/audits/{audit_id}", dependencies=AUDITORS)


class LetGo(BaseModel):
    """Why an auditor lets go of a case, and to whom where it is handed over."""

    reason: ReturnReason = Field(json_schema_extra={"error": "Choose a reason"})
    why: str = Field(default="", title="What happened", max_length=1000)


class HandOverForm(LetGo):
    """A return with somebody who takes it on."""

    to: str = Field(max_length=64, json_schema_extra={"error": "Choose who takes it on"})


def _back(message: str) -> Response:
    response = RedirectResponse("/audit/inbox", 303)
    flash(response, message)
    return response


@router.post("/claim")
async def claim(audit_id: UUID, scope: CurrentScope, work: Work, now: Now) -> Response:
    """Take a case that nobody has begun."""
    case = found(await cases.claimable_case(work.session, scope, audit_id))
    try:
        work.record(*await moves.claim(work.session, case.plan, case.audit, scope.person_id, now))
    except AuditConflictError as lost:
        return _back(str(lost))
    return _back(f"The case is yours: {case.theme}.")


@router.get("/return")
async def ask_return(audit_id: UUID, page: Page, scope: CurrentScope, session: Reading) -> HTMLResponse:
    """Ask why the case goes back."""
    case = found(await cases.own_case(session, scope, audit_id))
    return page("audit/return.html", title="Return this case", case=case, form=Form(), reasons=_reasons())


@router.post("/return")
async def give_back(
    audit_id: UUID, page: Page, scope: CurrentScope, work: Work, now: Now, fields: Submitted
) -> Response:
    """The case goes back with a reason, and a replacement is drawn."""
    # The themes first, then the audit: the order in which every draw locks.
    standings = await in_force(work.session)
    case = found(await cases.own_case(work.session, scope, audit_id, lock=True))
    form = parse(LetGo, fields)
    if form.data is None:
        return page("audit/return.html", title="Return this case", status=422, case=case, form=form, reasons=_reasons())
    standing = next((each for each in standings if each.programme_id == case.audit.programme_id), None)
    try:
        work.record(
            *await leaving.give_back(
                work.session, standing, case.audit, reason=form.data.reason, why=form.data.why, at=now
            )
        )
    except AuditConflictError as late:
        return _back(str(late))
    return _back("The case is returned. Where another case of its week waits, it has been drawn instead.")


@router.get("/hand-over")
async def ask_hand_over(audit_id: UUID, page: Page, scope: CurrentScope, session: Reading) -> HTMLResponse:
    """Ask to whom the case goes, and why."""
    case = found(await cases.own_case(session, scope, audit_id))
    return page(
        "audit/hand_over.html",
        title="Hand this case over",
        case=case,
        form=Form(),
        reasons=_reasons(),
        colleagues=_colleagues(case),
    )


@router.post("/hand-over")
async def hand_over(
    audit_id: UUID, page: Page, scope: CurrentScope, work: Work, now: Now, fields: Submitted
) -> Response:
    """The case goes to a colleague, draft and all."""
    form = parse(HandOverForm, fields)
    own = await cases.own_case(work.session, scope, audit_id, lock=True)
    if own is None and form.data is not None and await cases.has_gone_to(work.session, scope, audit_id, form.data.to):
        return _back(SENT_ALREADY)
    case = found(own)
    if form.data is not None and form.data.to not in _colleagues(case):
        form.refuse("to", "Choose who takes it on")
    if form.data is not None and form.is_valid:
        try:
            said = form.data
            work.record(
                *await moves.hand_over(
                    work.session, case.plan, case.audit, said.to, reason=said.reason, why=said.why, at=now
                )
            )
            return _back("The case is handed over.")
        except AuditConflictError as barred:
            form.refuse("to", str(barred))
    return page(
        "audit/hand_over.html",
        title="Hand this case over",
        status=422,
        case=case,
        form=form,
        reasons=_reasons(),
        colleagues=_colleagues(case),
    )


def _colleagues(case: Case) -> list[str]:
    return [auditor.person for auditor in case.plan.auditors if auditor.person != case.audit.auditor_id]


def _reasons() -> Sequence[tuple[str, str]]:
    return [(reason.value, words) for reason, words in RETURN_REASONS.items()]
