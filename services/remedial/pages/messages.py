"""What went out to people and what did not: ids, kinds and reasons, never words."""

from dataclasses import dataclass
from uuid import UUID

from fastapi import APIRouter, HTTPException
from starlette.responses import HTMLResponse, Response

from services.remedial import outbound
from services.remedial.channels import channel_of
from services.remedial.outbound import Outbound
from services.remedial.pages.answering import after
from services.remedial.pages.asking import MAIL_WATCHERS, Looking, Visiting
from services.remedial.settings import current
from shared.messaging import Reading
from shared.web.pages import Page

router = APIRouter(prefix="/remedial/messages", dependencies=MAIL_WATCHERS)


@dataclass(frozen=True)
class Shown:
    """One page of messages, how many have failed, how many things wait to be gathered, and the way out, if any."""

    sent: list[Outbound]
    failed: int
    waiting: int
    channel: str | None


@router.get("")
async def messages(page: Page, look: Looking, session: Reading) -> HTMLResponse:
    """The latest messages, those that failed first."""
    channel = channel_of(current())
    shown = Shown(
        sent=await outbound.latest(session, look.scope, look.number),
        failed=await outbound.failed(session, look.scope),
        waiting=await outbound.waiting(session, look.scope),
        channel=channel.name if channel else None,
    )
    return page("remedial/messages.html", title="Messages", shown=shown, number=look.number)


@router.post("/{message_id}/retry")
async def retry(message_id: UUID, visit: Visiting) -> Response:
    """Send a failed message again, from the first attempt."""
    if not await outbound.retry(visit.work.session, visit.scope, message_id, visit.now):
        raise HTTPException(404)
    return after("/remedial/messages", "It is being sent again.")
