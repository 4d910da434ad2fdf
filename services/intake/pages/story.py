"""One assessment's story: what arrived, when, from where, what changed."""

from datetime import date, datetime
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import HTMLResponse

from services.intake import queries
from services.intake.domain import statements
from services.intake.domain.work import facts, restored
from services.intake.files import ROADS_WITH_FILES
from services.intake.pages.asking import FIELDS, WATCHERS, kind_name, road_name
from shared.access import CurrentScope, trail
from shared.messaging import Work
from shared.web import Page
from shared.web.filters import long_date, long_time

router = APIRouter()


@router.get("/intake/assessments/{assessment_id}", dependencies=WATCHERS)
async def story(request: Request, page: Page, work: Work, scope: CurrentScope, assessment_id: UUID) -> HTMLResponse:
    """One piece of work as intake holds it. Reading it leaves a trace."""
    found = await queries.story(work.session, scope, assessment_id)
    if found is None:
        raise HTTPException(404)
    await trail.record(work.session, scope, "assessment_story", assessment_id)
    said = restored(found.work.said)
    template: str = request.app.state.service.settings.case_link
    return page(
        "intake/story.html",
        title=kind_name(found.work.kind),
        story=found,
        said=said,
        facts=facts(said) if said else None,
        case_link=_case_address(template, found.case_id),
        fields=FIELDS,
        unmatched=await queries.spellings_of(work.session, scope, found.work.unmatched),
        files=ROADS_WITH_FILES,
        in_words=in_words,
        road_name=road_name,
        kind_name=kind_name,
    )


def _case_address(template: str, case_id: str | None) -> str | None:
    """The way into the case system. The id is the sender's: whatever is in it leads nowhere else."""
    return template.replace("{case_id}", quote(case_id, safe="")) if template and case_id else None


def in_words(value: object) -> str:
    """A fact as a page says it; what a change kept is text already."""
    if value is None or value == ():
        return ""
    if isinstance(value, bool | str):
        return WORDS.get(str(value), str(value))
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return (
        long_time(value) if isinstance(value, datetime) else long_date(value) if isinstance(value, date) else str(value)
    )


WORDS = {"True": "Yes", "False": "No", statements.CONFERENCE: "Conference", statements.NO_CONFERENCE: "No conference"}
"""What is kept as a code, and how a page says it."""
