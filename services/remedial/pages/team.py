"""My team, my service: the open actions of those whom a manager answers for, and how many lie on each person."""

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from sse_starlette import EventSourceResponse
from starlette.responses import HTMLResponse

from services.remedial import queries
from services.remedial.pages.asking import LEADERS, Look, Looking, live_list
from services.remedial.pages.narrowing import list_addresses
from shared.access import Role
from shared.messaging import Reading
from shared.web.pages import Page

router = APIRouter(prefix="/remedial/team", dependencies=LEADERS)
HOME = "/remedial/team"


@router.get("")
async def team(page: Page, look: Looking, session: Reading) -> HTMLResponse:
    """Overdue, due soon and waiting in the teams that this person answers for."""
    title = "My team" if look.scope.has(Role.TEAM_MANAGER) else "My service"
    return page("remedial/team.html", title=title, **await _facts(session, look))


@router.get("/live", response_class=EventSourceResponse)
async def team_live(request: Request, page: Page, look: Looking) -> EventSourceResponse:
    """The lists again whenever an action changes."""

    async def draw(session: AsyncSession, look: Look) -> str:
        return page.render("remedial/_team.html", **await _facts(session, look))

    return live_list(request, look, draw)


async def _facts(session: AsyncSession, look: Look) -> dict[str, object]:
    answered_for = [] if look.scope.has(Role.DCS) else [queries.teams_of(look.scope)]
    conditions = [*answered_for, *look.filters.conditions(look.days)]
    within = [*answered_for, *look.filters.within()]
    return {
        **list_addresses(HOME, look.filters, look.number),
        "piles": await queries.counted(session, look.scope, within, look.days),
        "listed": await queries.listed(session, look.scope, conditions, look.number),
        "loads": await queries.load_by_owner(session, look.scope, answered_for),
    }
