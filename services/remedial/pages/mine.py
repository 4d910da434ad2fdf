"""My actions: a practitioner's short list, made for a phone in a corridor. What to do, by when, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from sse_starlette import EventSourceResponse
from starlette.responses import HTMLResponse

from services.remedial import queries, strengths
from services.remedial.models import Action
from services.remedial.pages.asking import OWNERS, Look, Looking, live_list
from services.remedial.pages.links import case_address
from services.remedial.strengths import DoneWell
from services.remedial.words import Words, words_of
from shared.access import Scope
from shared.messaging import Reading
from shared.web.pages import Page

router = APIRouter(prefix="/remedial/mine", dependencies=OWNERS)


@dataclass(frozen=True)
class Mine:
    """One action on somebody's list: what is asked, in words, of which case, and the way into it."""

    action: Action
    words: Words
    case_id: str | None
    case: str | None


@dataclass(frozen=True)
class Shown:
    """The whole list: to do, reported and waiting, finished lately, done well."""

    to_do: list[Mine]
    total: int
    page: int
    pages: int
    waiting: Sequence[Action]
    finished: Sequence[Action]
    strengths: list[DoneWell]


@router.get("")
async def mine(request: Request, page: Page, look: Looking, session: Reading) -> HTMLResponse:
    """What I have to do, the first due first; what waits for somebody else; what came of the last ones."""
    return page("remedial/mine.html", title="My actions", shown=await _shown(request, session, look))


@router.get("/live", response_class=EventSourceResponse)
async def mine_live(request: Request, page: Page, look: Looking) -> EventSourceResponse:
    """The list again whenever it changes."""

    async def draw(session: AsyncSession, look: Look) -> str:
        return page.render("remedial/_mine.html", shown=await _shown(request, session, look))

    return live_list(request, look, draw)


async def _shown(request: Request, session: AsyncSession, look: Look) -> Shown:
    scope = look.scope
    own = col(Action.owner_id) == scope.person_id
    to_do = await queries.listed(session, scope, [own, queries.IS_TO_DO], look.number)
    waiting = await queries.listed(session, scope, [own, queries.IS_WAITING])
    return Shown(
        to_do=await _mine(request, session, scope, to_do.actions),
        total=to_do.total,
        page=to_do.page,
        pages=to_do.pages,
        waiting=waiting.actions,
        finished=await queries.recently_finished(session, scope),
        strengths=await strengths.of_mine(session, scope),
    )


async def _mine(request: Request, session: AsyncSession, scope: Scope, actions: Sequence[Action]) -> list[Mine]:
    words = await words_of(session, [action.finding_id for action in actions])
    cases = await queries.case_ids(session, scope, actions)
    template: str = request.app.state.service.settings.case_link
    return [
        Mine(
            action,
            words[action.finding_id],
            cases.get(action.child_id),
            case_address(template, cases.get(action.child_id)),
        )
        for action in actions
    ]
