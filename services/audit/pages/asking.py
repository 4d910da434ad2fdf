"""What the pages share: the time, who may do what, the way into the case system, lists that change by themselves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Annotated, TypeVar
from urllib.parse import quote

from fastapi import Depends, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncSession
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.audit.audits import INBOX
from services.audit.queries.drawing import SEES_DRAWS
from services.audit.queries.programmes import SEES_PROGRAMMES
from shared.access import Role, Scope, allow
from shared.access.scope import ask_again
from shared.messaging.live import Note

WHO_AUDITS = (Role.AUDITOR, Role.INTERNAL_AUDITOR, Role.LEAD_AUDITOR)
WHO_READS = (
    *WHO_AUDITS,
    Role.PRACTITIONER,
    Role.TEAM_MANAGER,
    Role.HEAD_OF_SERVICE,
    Role.DCS,
    Role.QA_MANAGER,
)
AUDITORS, READERS = [allow(*WHO_AUDITS)], [allow(*WHO_READS)]
PLANNERS, WATCHERS, ASKERS = [allow(Role.QA_MANAGER)], [allow(*SEES_PROGRAMMES)], [allow(*SEES_DRAWS)]

DIRECTORS = [allow(Role.DCS)]
COMMENTERS, ANSWERERS = [allow(Role.PRACTITIONER)], [allow(Role.QA_MANAGER)]
CHALLENGERS = [allow(Role.PRACTITIONER, Role.TEAM_MANAGER)]
REFERRERS = [allow(Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE, Role.QA_MANAGER)]


def now_of(request: Request) -> datetime:
    """The service's time: the wall clock, or a replay's."""
    now: datetime = request.app.state.service.clock.now()
    return now


Now = Annotated[datetime, Depends(now_of)]


def case_link_of(request: Request) -> Callable[[str | None], str | None]:
    """Makes the address of a case in the case management system, where its id is known and a link is set up."""
    template: str = request.app.state.service.settings.case_link

    def address(case_id: str | None) -> str | None:
        return template.replace("{case_id}", quote(case_id, safe="")) if template and case_id else None

    return address


CaseLink = Annotated[Callable[[str | None], str | None], Depends(case_link_of)]


Thing = TypeVar("Thing")


def found(thing: Thing | None) -> Thing:
    """The thing, or 404 where it does not exist for this person."""
    if thing is None:
        raise HTTPException(404)
    return thing


Draw = Callable[[AsyncSession, Scope], Awaitable[str]]
"""Draws the part of a page that changes, for who asks."""


def live_list(request: Request, draw: Draw) -> EventSourceResponse:
    """An auditor's stream of the part of a page that changes: drawn again when a case does, sent when it differs."""
    return EventSourceResponse(_drawings(request, draw), ping=15, headers={"Cache-Control": "no-store"})


async def _drawings(request: Request, draw: Draw) -> AsyncIterator[ServerSentEvent]:
    service = request.app.state.service
    shown = ""
    notes = aiter(service.live.subscribe(INBOX))
    coming = asyncio.ensure_future(anext(notes))
    # Subscribed before the first drawing, so that what changes in between is not missed.
    await asyncio.sleep(0)
    try:
        while True:
            # Asked each time: a session that was revoked hears nothing more, nor does who is no auditor any more.
            scope = await ask_again(request)
            if scope is None or not scope.has(*WHO_AUDITS):
                return
            async with AsyncSession(service.engine) as session:
                drawn = await draw(session, scope)
            if drawn != shown:
                shown = drawn
                yield ServerSentEvent(data=drawn)
            await coming
            coming = await _after_those_that_came(notes)
    finally:
        coming.cancel()


async def _after_those_that_came(notes: AsyncIterator[Note]) -> asyncio.Future[Note]:
    """The next note: what came while the list was drawn is answered by one drawing, however much it was."""
    while True:
        coming = asyncio.ensure_future(anext(notes))
        await asyncio.sleep(0)
        if not coming.done():
            return coming
