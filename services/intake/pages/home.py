"""Where intake stands: what came by each road, what waits for somebody, and the newest files."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import date, datetime, time

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from services.intake import queries
from services.intake.domain.rhythm import WEEKDAYS
from services.intake.pages.asking import COUNTERS, Now, road_name
from shared.access import CurrentScope
from shared.clock import LONDON
from shared.messaging import Reading
from shared.web import Page
from shared.web.filters import clock_time
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
        revoked=await queries.revoked(session, scope),
        waiting=waiting,
        waiting_count=sum(each.count for each in waiting),
        unmatched=await queries.unmatched_counts(session, scope),
        usual={feed: _in_words(hours, today) for feed, hours in usual.items() if hours},
        uploads=newest,
        states=[await queries.upload_state(session, each) for each in newest],
        sees_values=queries.sees_values(scope),
        road_name=road_name,
    )


def _in_words(hours: Mapping[int, time], today: date) -> str:
    """ "By 6:20am on working days", or "By 9am on Mondays and Thursdays"."""
    by = clock_time(datetime.combine(today, max(hours.values()), LONDON))
    if len(hours) == len(WEEKDAYS):
        return f"By {by} on working days"
    *others, last = (f"{calendar.day_name[weekday]}s" for weekday in sorted(hours))
    days = f"{', '.join(others)} and {last}" if others else last
    return f"By {by} on {days}"
