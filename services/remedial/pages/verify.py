"""What waits for an auditor's eyes: actions reported done, the longest waiting first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from sse_starlette import EventSourceResponse
from starlette.responses import HTMLResponse

from services.remedial import queries
from services.remedial.answers import AnswersToo, answers_too
from services.remedial.models import Attachment
from services.remedial.pages.asking import VERIFIERS, Look, Looking, live_list
from services.remedial.queries import Listed
from shared.messaging import Reading
from shared.web.pages import Page

router = APIRouter(prefix="/remedial/verify", dependencies=VERIFIERS)


@router.get("")
async def to_verify(page: Page, look: Looking, session: Reading) -> HTMLResponse:
    """Reported actions of this person's own audits, or those that they moderated; never their own work."""
    checks = await queries.listed(session, look.scope, [queries.checkable(look.scope)])
    waiting = await _waiting(session, look)
    return page("remedial/verify.html", title="Actions to verify", waiting=waiting, checks=checks)


@router.get("/live", response_class=EventSourceResponse)
async def to_verify_live(request: Request, page: Page, look: Looking) -> EventSourceResponse:
    """The list again whenever an action changes."""

    async def draw(session: AsyncSession, look: Look) -> str:
        return page.render("remedial/_verify.html", waiting=await _waiting(session, look))

    return live_list(request, look, draw)


@dataclass(frozen=True)
class Waiting:
    """The actions that wait for this person, the files that stand as evidence of each, and what else each answers."""

    listed: Listed
    files: Mapping[UUID, Sequence[Attachment]]
    also: Mapping[UUID, AnswersToo]


async def _waiting(session: AsyncSession, look: Look) -> Waiting:
    listed = await queries.listed(session, look.scope, [queries.verifiable(look.scope)], look.number)
    ids = [action.action_id for action in listed.actions]
    files = await queries.attachments_of(session, look.scope, ids)
    return Waiting(listed, files, await answers_too(session, look.scope, ids))
