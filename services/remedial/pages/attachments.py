"""Files as evidence: given and removed by who reports, handed out to who may read the words, never shown in a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel
from starlette.responses import RedirectResponse, Response, StreamingResponse

from services.remedial import attachments, queries
from services.remedial.domain import oversight
from services.remedial.domain.file_kind import FIELD, MOST_BYTES
from services.remedial.domain.life import Move, can
from services.remedial.domain.refusal import Refused
from services.remedial.metrics import ATTACHMENTS
from services.remedial.models import Attachment
from services.remedial.pages.action import LOOK, found
from services.remedial.pages.answering import after, offers, page_of, shown
from services.remedial.pages.asking import READERS, REPORTERS, Visit, Visiting
from services.remedial.pages.receiving import ANSWERED_BYTES, Received, Receiving, settings_of
from services.remedial.queries import Seen
from shared.access import reasons, trail
from shared.web.forms import Form

router = APIRouter(prefix="/remedial/actions/{action_id}/attachments")

ATTACH, REMOVE = "attach", "remove"
"""The buttons that change an action's files and send nothing else off."""

NEVER_SHOWN = {
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
"""With the type that nothing opens by itself: whatever is in a file, no browser runs it under this origin."""


@dataclass(frozen=True)
class Files:
    """The files that stand for an action, and whether this deployment takes more."""

    standing: Sequence[Attachment]
    are_taken: bool
    most: int = attachments.MOST
    most_bytes: int = MOST_BYTES

    @property
    def are_full(self) -> bool:
        """Whether one has to go before another can come."""
        return len(self.standing) >= self.most


class NoModel(BaseModel):
    """The form has no fields but its file."""


async def files_of(visit: Visit, action_id: UUID) -> Files:
    """The files of this action, for who may read its words."""
    standing = await queries.attachments_of(visit.work.session, visit.scope, [action_id])
    return Files(standing[action_id], settings_of(visit.request).attachments)


def asks_for_files(received: Received) -> bool:
    """Whether a button was pressed that changes the files only."""
    return not {ATTACH, REMOVE}.isdisjoint(received.fields)


async def change(visit: Visit, action_id: UUID, received: Received, form: Form[Any]) -> None:
    """Remove what was asked, attach what was sent; what cannot be is the form's error, and nothing has changed."""
    session, by = visit.work.session, visit.by
    try:
        if REMOVE in received.fields:
            visit.work.record(*await attachments.remove(session, by, action_id, _id(received.fields[REMOVE])))
        if received.offered is not None:
            visit.work.record(*await attachments.attach(session, by, action_id, received.offered))
            ATTACHMENTS.labels("attached").inc()
        elif received.problem or ATTACH in received.fields:
            form.refuse(FIELD, received.problem or "Choose a file")
    except Refused as no:
        form.refuse(FIELD, str(no))


def _id(given: object) -> UUID:
    try:
        return UUID(str(given))
    except ValueError:
        raise HTTPException(404) from None


@router.get("", dependencies=REPORTERS)
async def files(action_id: UUID, visit: Visiting) -> Response:
    """The files of this action, and the way to add one."""
    return await _files_page(visit, action_id, await _may_change(visit, action_id), Form())


@router.post("", dependencies=REPORTERS, max_body_size=ANSWERED_BYTES)
async def change_files(action_id: UUID, visit: Visiting, received: Receiving) -> Response:
    """Attach a file, or remove one."""
    seen = await _may_change(visit, action_id)
    form: Form[NoModel] = Form(received.fields)
    await change(visit, action_id, received, form)
    if form.errors:
        return await _files_page(visit, action_id, seen, form)
    said = "Removed, and deleted." if REMOVE in received.fields else "The file is attached."
    return after(f"{page_of(action_id)}/attachments", said)


async def _may_change(visit: Visit, action_id: UUID) -> Seen:
    """The action, where this person may change its files; 404 where this deployment takes none and there are none."""
    seen = await offers(visit, action_id, Move.ATTACH)
    held = await files_of(visit, action_id)
    if not held.are_taken and not held.standing:
        raise HTTPException(404)
    return seen


async def _files_page(visit: Visit, action_id: UUID, seen: Seen, form: Form[Any]) -> Response:
    if not can(seen.action.state_now, Move.ATTACH):
        return RedirectResponse(page_of(action_id), status_code=303)
    return shown(visit, "remedial/attachments.html", "Files as evidence", seen, form, await files_of(visit, action_id))


@router.get("/{attachment_id}", dependencies=READERS)
async def download(action_id: UUID, attachment_id: UUID, visit: Visiting) -> Response:
    """The file, to be saved and never shown. Taking it leaves a trace."""
    session, scope = visit.work.session, visit.scope
    seen = await found(visit, action_id)
    if not oversight.reads_words(scope, seen.concerned):
        raise HTTPException(404)
    reason = await reasons.given(session, scope, LOOK, action_id)
    if reason is None and oversight.must_say_why(scope, seen.concerned):
        return RedirectResponse(page_of(action_id), status_code=303)
    standing = (await queries.attachments_of(session, scope, [action_id]))[action_id]
    wanted = attachments.standing_one(standing, attachment_id)
    await trail.record(session, scope, attachments.READ, attachment_id, reason.why if reason else "")
    return StreamingResponse(
        attachments.content_of(visit.request.app.state.service.engine, attachment_id),
        media_type="application/octet-stream",
        headers={
            **NEVER_SHOWN,
            "Content-Length": str(wanted.size),
            "Content-Disposition": disposition(wanted.name),
        },
    )


def disposition(name: str) -> str:
    """To be saved under this name: as it is for who reads RFC 6266, in plain letters for who does not."""
    plain = "".join(character if character.isascii() and character.isprintable() else "_" for character in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
