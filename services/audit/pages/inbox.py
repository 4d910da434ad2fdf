"""The auditor's inbox: cases appear, change and leave by themselves; without JavaScript it is the same page."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from sse_starlette import EventSourceResponse
from starlette.responses import HTMLResponse

from services.audit.pages.asking import AUDITORS, Now, live_list, now_of
from services.audit.queries import cases, waiting
from services.audit.queries.waiting import Wanted
from shared.access import CurrentScope, Scope
from shared.messaging import Reading
from shared.web.pages import Page
from shared.working_days import local_date

router = APIRouter(prefix="/audit/inbox", dependencies=AUDITORS)


def wanted_of(
    theme: Annotated[str, Query(max_length=64)] = "",
    team: Annotated[str, Query(max_length=64)] = "",
    sort: Annotated[str, Query(pattern="^(due|age)$")] = "due",
) -> Wanted:
    """How the address narrows and sorts the list."""
    return Wanted(theme, team, sort)


Narrowed = Annotated[Wanted, Depends(wanted_of)]


@router.get("")
async def inbox(
    request: Request, page: Page, scope: CurrentScope, session: Reading, wanted: Narrowed, now: Now
) -> HTMLResponse:
    """What I have to audit, the first due first, and what nobody has begun."""
    shown = await waiting.inbox(session, scope, wanted)
    plans = await cases.plans(session, scope)
    themes = {theme.theme: theme.name for plan in plans.values() for theme in plan.themes}
    live_at = f"/audit/inbox/live?{request.url.query}" if request.url.query else "/audit/inbox/live"
    return page(
        "audit/inbox.html",
        title="Audits",
        inbox=shown,
        wanted=wanted,
        themes=themes,
        teams=sorted({case.audit.team_id for case in (*shown.mine, *shown.others) if case.audit.team_id}),
        programmes=len(plans),
        today=local_date(now),
        live_at=live_at,
        to_verify=await waiting.waiting_for_me(session, scope),
    )


@router.get("/live", response_class=EventSourceResponse)
async def inbox_live(request: Request, page: Page, wanted: Narrowed) -> EventSourceResponse:
    """The list again whenever a case appears, changes or leaves."""

    async def draw(session: AsyncSession, scope: Scope) -> str:
        shown = await waiting.inbox(session, scope, wanted)
        # Asked for only where the list is empty: then the page says why
        programmes = 0 if shown.mine else len(await cases.plans(session, scope))
        return page.render(
            "audit/_inbox.html",
            inbox=shown,
            wanted=wanted,
            programmes=programmes,
            today=local_date(now_of(request)),
        )

    return live_list(request, draw)
