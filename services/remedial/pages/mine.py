"""My actions: a practitioner's short list, made for a phone in a corridor. What to do, by when, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from sse_starlette import EventSourceResponse
from starlette.responses import HTMLResponse

from services.remedial import queries, strengths
from services.remedial.answers import AnswersToo, answers_too
from services.remedial.models import Action
from services.remedial.pages.asking import OWNERS, Look, Looking, live_list
from services.remedial.pages.links import case_address
from services.remedial.strengths import DoneWell
from services.remedial.words import Words, words_of
from shared.access import Scope, trail
from shared.messaging import Work
from shared.web.pages import Page

router = APIRouter(prefix="/remedial/mine", dependencies=OWNERS)


LISTED, STRENGTH = "action in a list", "strength in a list"
Narrative = tuple[str, UUID]
"""What the trail calls it, and which one it is."""


@dataclass(frozen=True)
class Mine:
    """One action on somebody's list: what is asked, in words, of which case, and the way into it."""

    action: Action
    words: Words
    case_id: str | None
    case: str | None
    also: str
    """What else it answers; empty where it answers its own finding alone."""


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

    @property
    def narratives(self) -> list[Narrative]:
        """What of audits' narratives it shows: an action's finding, a strength, where their words are here."""
        findings = [(LISTED, each.action.action_id) for each in self.to_do if each.words]
        return [*findings, *((STRENGTH, each.strength.strength_id) for each in self.strengths if each.words)]


@router.get("")
async def mine(request: Request, page: Page, look: Looking, work: Work) -> HTMLResponse:
    """What I have to do, the first due first; what waits for somebody else; what came of the last ones.

    It shows what audits found, in their words: each leaves a trace, as on the action's own page.
    """
    shown = await _shown(request, work.session, look)
    await _leave_traces(work.session, look.scope, shown.narratives)
    return page("remedial/mine.html", title="My actions", shown=shown)


@router.get("/live", response_class=EventSourceResponse)
async def mine_live(request: Request, page: Page, look: Looking) -> EventSourceResponse:
    """The list again whenever it changes. A narrative leaves one trace in a stream, however often it is drawn."""
    traced: set[Narrative] = set()

    async def draw(session: AsyncSession, look: Look) -> str:
        shown = await _shown(request, session, look)
        drawn = page.render("remedial/_mine.html", shown=shown)
        fresh = [each for each in shown.narratives if each not in traced]
        await _leave_traces(session, look.scope, fresh)
        await session.commit()
        traced.update(fresh)
        return drawn

    return live_list(request, look, draw)


async def _leave_traces(session: AsyncSession, scope: Scope, read: Sequence[Narrative]) -> None:
    for what in (LISTED, STRENGTH):
        await trail.record_all(session, scope, what, [each for kind, each in read if kind == what])


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
    also = await answers_too(session, scope, [action.action_id for action in actions])
    template: str = request.app.state.service.settings.case_link
    return [
        Mine(
            action,
            words[action.finding_id],
            cases.get(action.child_id),
            case_address(template, cases.get(action.child_id)),
            also.get(action.action_id, AnswersToo()).in_words,
        )
        for action in actions
    ]
