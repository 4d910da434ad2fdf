"""Pages of reporting: each role's home, search by case id, the live board and the lists and definitions behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from sse_starlette import EventSourceResponse
from starlette.responses import RedirectResponse, Response

from services.reporting.asking import Narrowed, Now
from services.reporting.board import Board, board_for
from services.reporting.domain.facts import Rag
from services.reporting.domain.figures import BY_THEME, FIGURES, Group
from services.reporting.domain.filters import Code, Filters
from services.reporting.handlers import CHANGED
from services.reporting.live import whenever
from services.reporting.queries import board as reads
from services.reporting.queries import home as homes
from services.reporting.queries import lists
from services.reporting.queries.narrowing import OPENS_ACTIONS, OPENS_AUDITS, SEES_FIGURES
from services.reporting.queries.patterns import of_the_month
from services.reporting.queries.practitioners import practitioner
from services.reporting.queries.reports import latest
from services.reporting.queries.search import Found, search
from services.reporting.queries.sessions import SEES_MEETINGS, day_of, meetings
from shared.access import CurrentScope, Role, Scope, allow
from shared.access.scope import ask_again
from shared.messaging import Reading
from shared.service import Service
from shared.web import Page, PageMaker

router = APIRouter()

SEES_HEADLINES = (Role.BUSINESS_SUPPORT, Role.QA_MANAGER, Role.BOARD, Role.DCS, Role.SPONSOR)
HAS_SESSIONS = (Role.AUDITOR, Role.LEAD_AUDITOR, Role.INTERNAL_AUDITOR, Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE)
"""Whose home says so even when there is no session today."""
SEES_FEEDS = (Role.BUSINESS_SUPPORT, Role.QA_MANAGER, Role.ADMINISTRATOR)

Words = Annotated[Code, Query(alias="q")]
Number = Annotated[int, Query(alias="page", ge=1, le=10_000)]


@router.get("/", dependencies=[allow()])
async def home(request: Request, page: Page, scope: CurrentScope, session: Reading, now: Now) -> Response:
    """What needs this person now."""
    everything = await reads.with_programme(session, scope, Filters())
    headlines = await board_for(session, scope, everything, now) if scope.has(*SEES_HEADLINES) else None
    return page(
        "reporting/home.html",
        title="Home",
        needs=await homes.needs(session, scope, now),
        concerns=await homes.concerns_for(session, scope),
        day=await day_of(session, scope, now),
        has_sessions=scope.has(*HAS_SESSIONS),
        patterns=await of_the_month(session, scope, now),
        may_plan=scope.has(Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE),
        board=headlines,
        report=await latest(session, scope),
        names=await reads.theme_names(session, scope),
        case_link=request.app.state.service.settings.case_link,
        feeds=await reads.feeds(session, scope) if scope.has(*SEES_FEEDS) else None,
        is_qa=scope.has(Role.QA_MANAGER),
        runs_the_system=scope.has(Role.ADMINISTRATOR),
    )


@router.get("/search", dependencies=[allow()])
async def find(page: Page, scope: CurrentScope, session: Reading, words: Words = "") -> Response:
    """A case by its id, as far as this person may see it."""
    asked = words.strip()
    found = await search(session, scope, asked) if asked else Found()
    names = await reads.theme_names(session, scope)
    return page("reporting/search.html", title="Search", words=asked, found=found, names=names)


@router.get("/reporting", dependencies=[allow(*SEES_FIGURES)])
async def start() -> Response:
    """Reports begin at the board."""
    return RedirectResponse("/reporting/board", status_code=303)


@router.get("/reporting/board", dependencies=[allow(*SEES_FIGURES)])
async def board(page: Page, scope: CurrentScope, session: Reading, filters: Narrowed, now: Now) -> Response:
    """The figures as they stand, moving by themselves."""
    return page(
        "reporting/board.html",
        title="The board",
        board=await board_for(session, scope, filters, now),
        programmes=await reads.programmes(session, scope),
        teams=await reads.teams_audited(session, scope, filters.programme),
    )


@router.get("/reporting/board/live", dependencies=[allow(*SEES_FIGURES)])
async def board_live(request: Request, page: Page, filters: Narrowed) -> Response:
    """The figures again whenever something changed. Each message is the whole, so that none can be missed."""
    return EventSourceResponse(_moving(request, page, filters))


async def _moving(request: Request, page: PageMaker, filters: Filters) -> AsyncIterator[dict[str, str]]:
    """Ends once the person may not see figures any more: a stream outlives the check at its beginning."""
    service = request.app.state.service
    sent = ""
    async for _ in whenever(service.live, CHANGED):
        scope = await ask_again(request)
        if scope is None or not scope.has(*SEES_FIGURES):
            return
        drawn = await _figures(page, service, scope, filters)
        if drawn != sent:
            sent = drawn
            yield {"data": drawn}


async def _figures(page: PageMaker, service: Service, scope: Scope, filters: Filters) -> str:
    async with AsyncSession(service.engine) as session:
        board = await board_for(session, scope, filters, service.clock.now())
        return page.render("reporting/_figures.html", board=board)


@router.get("/reporting/audits", dependencies=[allow(*OPENS_AUDITS)])
async def audits(
    *,
    page: Page,
    scope: CurrentScope,
    session: Reading,
    filters: Narrowed,
    status: str = "completed",
    rag: Rag | None = None,
    number: Number = 1,
) -> Response:
    """The audits behind a figure."""
    if status not in lists.AUDIT_LISTS:
        raise HTTPException(404)
    listing = await lists.audits(session, scope, filters, status=status, rag=rag, number=number)
    return page(
        "reporting/audits.html",
        title="Audits",
        listing=listing,
        board=Board.bare(filters, await reads.themes_of(session, scope, filters)),
        which=status,
        rag_chosen=rag,
        address=f"/reporting/audits?{filters.query(status=status, rag=rag)}&page={{page}}",
    )


@router.get("/reporting/actions", dependencies=[allow(*OPENS_ACTIONS)])
async def actions(
    *,
    page: Page,
    scope: CurrentScope,
    session: Reading,
    filters: Narrowed,
    now: Now,
    status: str = "open",
    number: Number = 1,
) -> Response:
    """The remedial actions behind a figure."""
    if status not in lists.action_lists(now):
        raise HTTPException(404)
    return page(
        "reporting/actions.html",
        title="Remedial actions",
        listing=await lists.actions(session, scope, filters, status=status, at=now, number=number),
        board=Board.bare(filters, await reads.themes_of(session, scope, filters)),
        which=status,
        address=f"/reporting/actions?{filters.query(status=status)}&page={{page}}",
    )


@router.get("/reporting/practitioners/{person_id}", dependencies=[allow(*OPENS_AUDITS)])
async def one_practitioner(page: Page, scope: CurrentScope, session: Reading, person_id: Code) -> Response:
    """The audits of one person's work, of those that the reader may see; a rate only from ten upwards."""
    seen = await practitioner(session, scope, person_id)
    if seen is None:
        raise HTTPException(404)
    names = await reads.theme_names(session, scope)
    return page("reporting/practitioner.html", title="Audits of one person's work", seen=seen, names=names)


@router.get("/reporting/meetings", dependencies=[allow(*SEES_MEETINGS)])
async def counted_meetings(page: Page, scope: CurrentScope, session: Reading, now: Now, number: Number = 1) -> Response:
    """The meetings with managers that were held, by manager and week."""
    held = await meetings(session, scope, now, number)
    return page("reporting/meetings.html", title="Meetings with managers", held=held)


@router.get("/reporting/definitions", dependencies=[allow()])
async def definitions(page: Page) -> Response:
    """What every figure means, from the registry that computes it."""
    grouped = {group: [each for each in FIGURES.values() if each.group == group] for group in Group}
    return page("reporting/definitions.html", title="What the figures mean", grouped=grouped, by_theme=BY_THEME)
