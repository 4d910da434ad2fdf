"""My team, my service: the open actions of those whom a manager answers for, and how many lie on each person."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from sse_starlette import EventSourceResponse
from starlette.responses import HTMLResponse

from services.remedial import patterns, queries
from services.remedial.domain.piles import Pile
from services.remedial.models import Pattern
from services.remedial.pages.asking import LEADERS, Look, Looking, live_list
from services.remedial.pages.narrowing import Addresses, addresses
from services.remedial.queries import Listed
from shared.access import Role
from shared.messaging import Reading
from shared.web.pages import Page

router = APIRouter(prefix="/remedial/team", dependencies=LEADERS)
HOME = "/remedial/team"


@dataclass(frozen=True)
class Shown:
    """What a manager's list shows: piles with their numbers, one page of actions, who has how many, and patterns."""

    at: Addresses
    piles: dict[Pile, int]
    listed: Listed
    loads: list[tuple[str, int]]
    patterns: list[Pattern]


@router.get("")
async def team(page: Page, look: Looking, session: Reading) -> HTMLResponse:
    """Overdue, due soon and waiting in the teams that this person answers for."""
    title = "My team" if look.scope.has(Role.TEAM_MANAGER) else "My service"
    return page("remedial/team.html", title=title, shown=await _shown(session, look))


@router.get("/live", response_class=EventSourceResponse)
async def team_live(request: Request, page: Page, look: Looking) -> EventSourceResponse:
    """The lists again whenever an action changes."""

    async def draw(session: AsyncSession, look: Look) -> str:
        return page.render("remedial/_team.html", shown=await _shown(session, look))

    return live_list(request, look, draw)


async def _shown(session: AsyncSession, look: Look) -> Shown:
    answered_for = [] if look.scope.has(Role.DCS) else [queries.teams_of(look.scope)]
    conditions = [*answered_for, *look.filters.conditions(look.days)]
    within = [*answered_for, *look.filters.within()]
    return Shown(
        at=addresses(HOME, look.filters, look.number),
        piles=await queries.counted(session, look.scope, within, look.days),
        listed=await queries.listed(session, look.scope, conditions, look.number),
        loads=await queries.load_by_owner(session, look.scope, answered_for),
        patterns=await patterns.latest(session, look.scope, await queries.team_ids(session, look.scope)),
    )
