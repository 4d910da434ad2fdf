"""What the pages share: the roles that each may be asked by, the time, the numbers of pages, and live lists."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from random import SystemRandom
from typing import Annotated

from fastapi import Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.remedial.calendar import proclaimed
from services.remedial.hand import LIVE
from services.remedial.moves import By
from services.remedial.pages.narrowing import Narrowed
from services.remedial.queries import Days, Filters
from shared.access import CurrentScope, Role, Scope, allow
from shared.access.scope import ask_again
from shared.messaging import Reading, Work
from shared.web.pages import Page
from shared.working_days import local_date

WHO_OWNS = (Role.PRACTITIONER, Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE)
WHO_REPORTS = WHO_OWNS
WHO_VERIFIES = (Role.AUDITOR, Role.LEAD_AUDITOR, Role.MODERATOR, Role.QA_MANAGER)
WHO_OVERSEES = (Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE, Role.BUSINESS_SUPPORT, Role.QA_MANAGER)
WHO_LEADS = (Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE, Role.DCS)
WHO_WATCHES = (Role.BUSINESS_SUPPORT, Role.QA_MANAGER)
WHO_SEES = (
    Role.AUDITOR,
    Role.LEAD_AUDITOR,
    Role.INTERNAL_AUDITOR,
    Role.MODERATOR,
    Role.PRACTITIONER,
    Role.TEAM_MANAGER,
    Role.HEAD_OF_SERVICE,
    Role.DCS,
    Role.BUSINESS_SUPPORT,
    Role.QA_MANAGER,
)

WHO_PLANS = (
    Role.AUDITOR,
    Role.LEAD_AUDITOR,
    Role.MODERATOR,
    Role.TEAM_MANAGER,
    Role.HEAD_OF_SERVICE,
    Role.BUSINESS_SUPPORT,
    Role.QA_MANAGER,
)
WHO_COUNTS = (Role.BUSINESS_SUPPORT, Role.QA_MANAGER, Role.LEAD_AUDITOR, Role.DCS)

PLANNERS, COUNTERS, SESSION_GOERS = [allow(*WHO_PLANS)], [allow(*WHO_COUNTS)], [allow(*WHO_SEES)]
OWNERS, REPORTERS, VERIFIERS = [allow(*WHO_OWNS)], [allow(*WHO_REPORTS)], [allow(*WHO_VERIFIES)]
OVERSEERS, LEADERS, WATCHERS = [allow(*WHO_OVERSEES)], [allow(*WHO_LEADS)], [allow(*WHO_WATCHES)]
ACKNOWLEDGERS = [allow(Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE, Role.QA_MANAGER)]
DIRECTORS = [allow(Role.DCS)]
CHECKERS = [allow(Role.QA_MANAGER, Role.LEAD_AUDITOR, Role.MODERATOR)]
WITHDRAWERS = [allow(Role.QA_MANAGER)]
MAIL_WATCHERS = [allow(Role.BUSINESS_SUPPORT, Role.QA_MANAGER, Role.ADMINISTRATOR)]
LEAVE_KEEPERS = [allow(Role.TEAM_MANAGER, Role.BUSINESS_SUPPORT)]
CALENDAR_KEEPERS = [allow(Role.QA_MANAGER, Role.ADMINISTRATOR)]
SEERS = [allow(*WHO_SEES)]
READERS = [allow(*(role for role in WHO_SEES if role is not Role.BUSINESS_SUPPORT))]
"""Who reads what was found and reported. Business support chases actions and reads no case."""
LOOP_READERS = READERS
"""How a case was graded is what its audit says."""


def now_of(request: Request) -> datetime:
    """The service's time: the wall clock, or a replay's."""
    now: datetime = request.app.state.service.clock.now()
    return now


Now = Annotated[datetime, Depends(now_of)]
PageNumber = Annotated[int, Query(alias="page", ge=1, le=10_000)]


@dataclass(frozen=True)
class Visit:
    """One request that may change something: who asks, when, and the transaction it happens in."""

    request: Request
    page: Page
    scope: CurrentScope
    work: Work
    now: Now

    @property
    def by(self) -> By:
        """Who acts, and when."""
        return By(self.scope, self.now, SystemRandom().random())

    @property
    def case_link(self) -> str:
        """The council's template of a link into the case management system; empty where there is none."""
        template: str = self.request.app.state.service.settings.case_link
        return template


Visiting = Annotated[Visit, Depends()]


@dataclass(frozen=True)
class Look:
    """One look at a list: who looks, on which day, at which page of what."""

    scope: Scope
    days: Days
    filters: Filters
    number: int


async def days_of(now: Now, session: Reading) -> Days:
    """Today for this request."""
    return Days(local_date(now), await proclaimed(session))


Today = Annotated[Days, Depends(days_of)]


def look_of(scope: CurrentScope, days: Today, filters: Narrowed, number: PageNumber = 1) -> Look:
    """What this request looks at."""
    return Look(scope, days, filters, number)


Looking = Annotated[Look, Depends(look_of)]


Draw = Callable[[AsyncSession, Look], Awaitable[str]]
"""Draws the part of a page that changes, for who looks."""


def live_list(request: Request, look: Look, draw: Draw) -> EventSourceResponse:
    """A stream of the part of a page that changes: drawn again when an action does, sent when it looks different."""
    return EventSourceResponse(_drawings(request, look, draw), ping=15, headers={"Cache-Control": "no-store"})


async def _drawings(request: Request, look: Look, draw: Draw) -> AsyncIterator[ServerSentEvent]:
    service = request.app.state.service
    shown = ""
    notes = aiter(service.live.subscribe(LIVE))
    coming = asyncio.ensure_future(anext(notes))
    # Subscribed before the first drawing, so that nothing is missed that changes in between, or changed while the
    # page was out of sight and held no connection.
    await asyncio.sleep(0)
    try:
        while True:
            # Asked each time: a session that was revoked hears nothing more.
            scope = await ask_again(request)
            if scope is None:
                return
            async with AsyncSession(service.engine) as session:
                drawn = await draw(session, replace(look, scope=scope))
            if drawn != shown:
                shown = drawn
                yield ServerSentEvent(data=drawn)
            await coming
            coming = asyncio.ensure_future(anext(notes))
    finally:
        coming.cancel()
