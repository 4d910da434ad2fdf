"""The QA manager draws a re-audit: from the audit's own page, or from the list of those whose loop has closed."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.audit import re_audits
from services.audit.audits import AuditConflictError
from services.audit.pages.asking import PLANNERS, Now, found
from services.audit.queries import cases
from services.audit.queries import re_audits as queries
from shared.access import CurrentScope
from shared.messaging import Reading, Work
from shared.web.flash import flash
from shared.web.pages import Page

router = APIRouter(prefix="/audit", dependencies=PLANNERS)

Number = Annotated[int, Query(alias="page", ge=1, le=10_000)]


@router.get("/programmes/{programme_id}/re-audits")
async def candidates(
    programme_id: UUID, page: Page, scope: CurrentScope, session: Reading, number: Number = 1
) -> HTMLResponse:
    """The audits of a programme whose loop has closed, and what came of looking again."""
    plan = found((await cases.plans(session, scope)).get(programme_id))
    return page(
        "audit/re_audits.html",
        title="Re-audits",
        plan=plan,
        found=await queries.candidates(session, scope, plan, number),
        number=number,
    )


@router.get("/audits/{audit_id}/re-audit")
async def ask_re_audit(audit_id: UUID, page: Page, scope: CurrentScope, session: Reading) -> HTMLResponse:
    """What drawing one means, before it is drawn."""
    case = found(await cases.readable_case(session, scope, audit_id))
    step = case.plan.step(case.audit.grade or "")
    return page(
        "caseloop/confirm.html",
        title="Draw a re-audit",
        question=f"Draw a re-audit of {case.name.lower()}?",
        text=(
            f"The audit rated it {step.name.lower() if step else 'nothing yet'}. Somebody who has not audited it "
            "looks at the same work again, with the first grade and findings beside. Its result stands beside the "
            "first one, and counts in no figure about the sample."
        ),
        action=f"/audit/audits/{audit_id}/re-audit",
        button="Draw a re-audit",
        cancel=f"/audit/audits/{audit_id}",
    )


@router.post("/audits/{audit_id}/re-audit")
async def draw_re_audit(audit_id: UUID, scope: CurrentScope, work: Work, now: Now) -> Response:
    """Put the case before another auditor; at most one re-audit of an audit is open."""
    case = found(await cases.readable_case(work.session, scope, audit_id, lock=True))
    response = RedirectResponse(f"/audit/audits/{audit_id}", 303)
    try:
        work.record(*await re_audits.draw(work.session, case.plan, case.audit, by=scope.person_id, at=now))
        flash(response, "The case is to be audited again, by somebody else.")
    except AuditConflictError as barred:
        flash(response, str(barred))
    return response
