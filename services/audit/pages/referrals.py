"""A manager refers a case for audit, the QA manager chooses one: by hand, marked, outside the statistics."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.audit import by_hand
from services.audit.audits import AuditConflictError
from services.audit.pages.asking import REFERRERS, Now, found
from services.audit.queries import drawing
from services.audit.standings import in_force
from shared.access import CurrentScope
from shared.messaging import Reading, Work
from shared.web.flash import flash
from shared.web.forms import Form, Submitted, parse
from shared.web.once import SENT_ALREADY
from shared.web.pages import Page

router = APIRouter(prefix="/audit/referrals", dependencies=REFERRERS)


class ReferralForm(BaseModel):
    """Which work, and why."""

    work: str = Field(max_length=80, json_schema_extra={"error": "Choose the piece of work"})
    because: str = Field(
        title="Reason", max_length=1000, json_schema_extra={"error": "Say why this case should be audited"}
    )


CaseId = Annotated[str, Query(alias="case", max_length=64)]


@router.get("")
async def ask_referral(page: Page, scope: CurrentScope, session: Reading, case_id: CaseId = "") -> HTMLResponse:
    """Find a case by its id in the case management system; choose its work that should be audited."""
    rows = await drawing.referable(session, scope, case_id.strip()) if case_id.strip() else []
    return page("audit/refer.html", title="Refer a case for audit", case_id=case_id.strip(), rows=rows, form=Form())


@router.post("")
async def refer(page: Page, scope: CurrentScope, work: Work, now: Now, fields: Submitted) -> Response:
    """Put the chosen work before an auditor."""
    case_id = str(fields.get("case", ""))[:64].strip()
    standings = await in_force(work.session)
    rows = await drawing.referable(work.session, scope, case_id) if case_id else []
    form = parse(ReferralForm, fields)
    chosen = next((row for row in rows if form.data is not None and row.key == form.data.work), None)
    if form.data is not None and chosen is None:
        form.refuse("work", "Choose the piece of work")
    if form.data is None or chosen is None:
        return page(
            "audit/refer.html", title="Refer a case for audit", status=422, case_id=case_id, rows=rows, form=form
        )
    standing = found(next((each for each in standings if each.programme_id == chosen.programme_id), None))
    try:
        events = await by_hand.choose(
            work.session, standing, chosen.assessment_id, by=scope.person_id, because=form.data.because, at=now
        )
    except AuditConflictError as late:
        if await by_hand.is_chosen(
            work.session, chosen.programme_id, chosen.assessment_id, by=scope.person_id, because=form.data.because
        ):
            return _back(SENT_ALREADY)
        form.refuse("work", str(late))
        return page(
            "audit/refer.html", title="Refer a case for audit", status=422, case_id=case_id, rows=rows, form=form
        )
    work.record(*events)
    return _back("The case is with an auditor. It is marked as chosen by hand and stays outside the figures.")


def _back(message: str) -> Response:
    response = RedirectResponse("/audit/referrals", 303)
    flash(response, message)
    return response
