"""Where intake stands: what came by each road, what waits for somebody, and the newest files."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from services.intake import queries
from services.intake.pages.asking import COUNTERS, road_name
from shared.access import CurrentScope
from shared.messaging import Reading
from shared.web import Page

router = APIRouter()


@router.get("/intake", dependencies=COUNTERS)
async def home(page: Page, session: Reading, scope: CurrentScope) -> HTMLResponse:
    """Feeds and what waits; an administrator sees the counts."""
    uploads = await queries.uploads(session, scope, 1)
    waiting = await queries.waiting(session, scope)
    return page(
        "intake/home.html",
        title="Intake",
        feeds=await queries.feeds(session, scope),
        waiting=waiting,
        waiting_count=sum(each.count for each in waiting),
        unmatched=await queries.unmatched_counts(session, scope),
        uploads=list(uploads.items)[:5],
        sees_values=queries.sees_values(scope),
        road_name=road_name,
    )
