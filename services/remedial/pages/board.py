"""All actions, as business support needs them: what is due, overdue by age, waiting and unowned, and who to chase."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from sse_starlette import EventSourceResponse
from starlette.responses import HTMLResponse

from services.remedial import queries
from services.remedial.domain.piles import Band, Pile
from services.remedial.pages.asking import WATCHERS, Look, Looking, live_list
from services.remedial.pages.narrowing import Addresses, addresses
from services.remedial.queries import Listed
from shared.messaging import Reading
from shared.web.pages import Page

router = APIRouter(prefix="/remedial/board", dependencies=WATCHERS)
HOME = "/remedial/board"


@dataclass(frozen=True)
class Shown:
    """What the page shows: piles with their numbers, overdue by age, and one page of the actions."""

    at: Addresses
    piles: dict[Pile, int]
    bands: list[tuple[Band, int]]
    listed: Listed


@router.get("")
async def board(page: Page, look: Looking, session: Reading) -> HTMLResponse:
    """Every open action, in piles; narrowed by pile, team, person and theme."""
    owners, teams = await queries.owners_and_teams(session, look.scope)
    shown = await _shown(session, look)
    return page("remedial/board.html", title="All actions", owners=owners, teams=teams, shown=shown)


@router.get("/live", response_class=EventSourceResponse)
async def board_live(request: Request, page: Page, look: Looking) -> EventSourceResponse:
    """The list again whenever an action changes."""

    async def draw(session: AsyncSession, look: Look) -> str:
        return page.render("remedial/_board.html", shown=await _shown(session, look))

    return live_list(request, look, draw)


async def _shown(session: AsyncSession, look: Look) -> Shown:
    within = look.filters.within()
    return Shown(
        at=addresses(HOME, look.filters, look.number),
        piles=await queries.counted(session, look.scope, within, look.days),
        bands=await queries.overdue_by_age(session, look.scope, within, look.days),
        listed=await queries.listed(session, look.scope, look.filters.conditions(look.days), look.number),
    )
