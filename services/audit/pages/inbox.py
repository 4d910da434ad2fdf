"""The auditor's inbox: cases appear, change and leave by themselves; without JavaScript it is the same page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import HTMLResponse

from services.audit.audits import INBOX
from services.audit.pages.asking import AUDITORS, WHO_AUDITS, Now
from services.audit.pages.changes import free_rows, own_rows
from services.audit.pages.open_inbox import OpenInbox
from services.audit.queries import cases, waiting
from services.audit.queries.waiting import Wanted
from shared.access import CurrentScope
from shared.access.people import PEOPLE
from shared.access.scope import Asker
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
    mine, others = own_rows(shown), free_rows(shown)
    plans = await cases.plans(session, scope)
    themes = {theme.theme: theme.name for plan in plans.values() for theme in plan.themes}
    live_at = f"/audit/inbox/live?{request.url.query}" if request.url.query else "/audit/inbox/live"
    return page(
        "audit/inbox.html",
        title="Audits",
        inbox=shown,
        mine=mine,
        others=others,
        wanted=wanted,
        themes=themes,
        teams=sorted({line.team_id for line in (*shown.mine, *shown.others) if line.team_id}),
        programmes=len(plans),
        today=local_date(now),
        live_at=live_at,
        to_verify=await waiting.waiting_for_me(session, scope),
    )


@router.get("/live", response_class=EventSourceResponse)
async def inbox_live(request: Request, page: Page, scope: CurrentScope, wanted: Narrowed) -> EventSourceResponse:
    """The list, then what becomes of its rows. Who connects again gets the list again: nothing can be missed."""
    messages = _messages(request, OpenInbox(request.app.state.service, page, scope, wanted))
    return EventSourceResponse(messages, ping=15, headers={"Cache-Control": "no-store"})


async def _messages(request: Request, inbox: OpenInbox) -> AsyncIterator[ServerSentEvent]:
    asker = Asker(request)
    # Heard before the first look, so that what changes in between is not missed.
    with request.app.state.service.live.hearing(INBOX, PEOPLE) as heard:
        spoke: frozenset[str] = frozenset()
        while True:
            # A session that was revoked hears nothing more, nor does who is no auditor any more.
            scope = await asker.now(people_changed=PEOPLE in spoke)
            if scope is None or not scope.has(*WHO_AUDITS):
                return
            async for text in inbox.looks(scope, spoke):
                yield ServerSentEvent(data=text)
            spoke = await heard.take(inbox.looks_again_in)
