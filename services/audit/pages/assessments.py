"""Was this case drawn, with what chance, why or why not: an answer for any assessment that ever came."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from services.audit.pages.asking import ASKERS
from services.audit.queries import drawing
from shared.access import CurrentScope
from shared.messaging import Reading
from shared.web.pages import Page

router = APIRouter(prefix="/audit/assessments", dependencies=ASKERS)


@router.get("/{assessment_id}")
async def assessment(assessment_id: UUID, page: Page, scope: CurrentScope, session: Reading) -> HTMLResponse:
    """What became of it in each programme; an assessment that never came is said to be unknown, not missing."""
    answers = await drawing.answers(session, scope, assessment_id)
    return page(
        "audit/assessment.html", title="Why was this case drawn, or not?", answers=answers, assessment_id=assessment_id
    )
