"""Are they siblings? An auditor answers of two cases that look like one family."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse, Response

from services.audit import siblings
from services.audit.audits import AuditConflictError
from services.audit.pages.asking import AUDITORS, Now, found
from services.audit.queries import cases
from services.audit.queries.siblings import possible_sibling
from shared.access import CurrentScope
from shared.messaging import Work
from shared.web.flash import flash
from shared.web.forms import Submitted, parse

router = APIRouter(prefix="/audit/audits/{audit_id}/siblings", dependencies=AUDITORS)


class AnswerForm(BaseModel):
    """Whether they are."""

    siblings: Literal["yes", "no"] = Field(json_schema_extra={"error": "Say whether they are siblings"})


@router.post("/{other_id}")
async def answer(
    audit_id: UUID, other_id: UUID, scope: CurrentScope, work: Work, now: Now, fields: Submitted
) -> Response:
    """Keep the answer. It moves no case: whoever wants to read the family together takes the sibling's case."""
    case = found(await cases.own_case(work.session, scope, audit_id))
    other = found(await possible_sibling(work.session, scope, case, other_id))
    form = parse(AnswerForm, fields)
    if form.data is None:
        return _back(audit_id, "Say whether they are siblings.")
    are_siblings = form.data.siblings == "yes"
    try:
        events = await siblings.answer(
            work.session, case.audit, other.audit, are_siblings=are_siblings, by=scope.person_id, at=now
        )
    except AuditConflictError as barred:
        return _back(audit_id, str(barred))
    work.record(*events)
    return _back(audit_id, f"{other.name} is {'a sibling' if are_siblings else 'not a sibling'}: that is recorded.")


def _back(audit_id: UUID, message: str) -> Response:
    response = RedirectResponse(f"/audit/audits/{audit_id}#siblings", 303)
    flash(response, message)
    return response
