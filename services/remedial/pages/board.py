"""The board of business support: what is due, overdue by age, waiting and unowned, and who to chase."""

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from sse_starlette import EventSourceResponse
from starlette.responses import HTMLResponse

from services.remedial import queries
from services.remedial.pages.asking import WATCHERS, Look, Looking, live_list
from services.remedial.pages.narrowing import list_addresses
from shared.messaging import Reading
from shared.web.pages import Page

router = APIRouter(prefix="/remedial/board", dependencies=WATCHERS)
HOME = "/remedial/board"


@router.get("")
async def board(page: Page, look: Looking, session: Reading) -> HTMLResponse:
    """Every open action, in piles; narrowed by pile, team, person and theme."""
    owners, teams = await queries.owners_and_teams(session, look.scope)
    facts = await _facts(session, look)
    return page("remedial/board.html", title="The board", owners=owners, teams=teams, **facts)


@router.get("/live", response_class=EventSourceResponse)
async def board_live(request: Request, page: Page, look: Looking) -> EventSourceResponse:
    """The board again whenever an action changes."""

    async def draw(session: AsyncSession, look: Look) -> str:
        return page.render("remedial/_board.html", **await _facts(session, look))

    return live_list(request, look, draw)


async def _facts(session: AsyncSession, look: Look) -> dict[str, object]:
    within = look.filters.within()
    return {
        **list_addresses(HOME, look.filters, look.number),
        "piles": await queries.counted(session, look.scope, within, look.days),
        "bands": await queries.overdue_by_age(session, look.scope, within, look.days),
        "listed": await queries.listed(session, look.scope, look.filters.conditions(look.days), look.number),
    }
