"""Where intake stands: what came by each road, what waits for somebody, and the newest files."""

from datetime import datetime

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from services.intake import queries
from services.intake.pages.asking import COUNTERS, Now, road_name
from shared.access import CurrentScope
from shared.clock import LONDON
from shared.messaging import Reading
from shared.web import Page
from shared.working_days import local_date

router = APIRouter()


@router.get("/intake", dependencies=COUNTERS)
async def home(page: Page, session: Reading, scope: CurrentScope, now: Now) -> HTMLResponse:
    """Feeds and what waits; an administrator sees the counts."""
    uploads = await queries.uploads(session, scope, 1)
    newest = list(uploads.items)[:5]
    today = local_date(now)
    usual = await queries.usual_hours(session, scope, today)
    waiting = await queries.waiting(session, scope)
    return page(
        "intake/home.html",
        title="Intake",
        feeds=await queries.feeds(session, scope),
        never_heard=await queries.never_heard(session, scope),
        waiting=waiting,
        waiting_count=sum(each.count for each in waiting),
        unmatched=await queries.unmatched_counts(session, scope),
        usual={feed: datetime.combine(today, hour, LONDON) for feed, hour in usual.items()},
        uploads=newest,
        states=[await queries.upload_state(session, each) for each in newest],
        sees_values=queries.sees_values(scope),
        road_name=road_name,
    )
