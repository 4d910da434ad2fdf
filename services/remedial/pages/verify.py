"""What waits for an auditor's eyes: actions reported done, the longest waiting first."""

from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from sse_starlette import EventSourceResponse
from starlette.responses import HTMLResponse

from services.remedial import queries
from services.remedial.models import Attachment
from services.remedial.pages.asking import VERIFIERS, Look, Looking, live_list
from services.remedial.queries import Listed
from shared.messaging import Reading
from shared.web.pages import Page

router = APIRouter(prefix="/remedial/verify", dependencies=VERIFIERS)


@router.get("")
async def to_verify(page: Page, look: Looking, session: Reading) -> HTMLResponse:
    """Reported actions of this person's own audits, or those that they moderated; never their own work."""
    listed, files = await _listed(session, look)
    checks = await queries.listed(session, look.scope, [queries.checkable(look.scope)])
    return page("remedial/verify.html", title="Actions to verify", listed=listed, files=files, checks=checks)


@router.get("/live", response_class=EventSourceResponse)
async def to_verify_live(request: Request, page: Page, look: Looking) -> EventSourceResponse:
    """The list again whenever an action changes."""

    async def draw(session: AsyncSession, look: Look) -> str:
        listed, files = await _listed(session, look)
        return page.render("remedial/_verify.html", listed=listed, files=files)

    return live_list(request, look, draw)


async def _listed(session: AsyncSession, look: Look) -> tuple[Listed, dict[UUID, list[Attachment]]]:
    """The actions that wait for this person, and the files that stand as evidence of each."""
    listed = await queries.listed(session, look.scope, [queries.verifiable(look.scope)], look.number)
    ids = [action.action_id for action in listed.actions]
    return listed, await queries.attachments_of(session, look.scope, ids)
