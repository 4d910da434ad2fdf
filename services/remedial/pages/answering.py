"""How a form answers: it is done once, with a redirect; a refusal is shown where it was asked."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from fastapi import HTTPException
from starlette.responses import RedirectResponse, Response

from services.remedial.domain import oversight
from services.remedial.domain.life import Move
from services.remedial.domain.refusal import Refused
from services.remedial.pages.action import found
from services.remedial.pages.asking import Visit
from services.remedial.queries import Seen
from services.remedial.words import Words
from shared.events import Event
from shared.web.flash import flash
from shared.web.forms import Form
from shared.web.once import SENT_ALREADY, form_id, once

Make = Callable[[], Awaitable[Sequence[Event]]]
"""Makes one move, once it is called."""


async def offers(visit: Visit, action_id: UUID, move: Move) -> Seen:
    """The action, where this move exists for this person; 404 otherwise."""
    seen = await found(visit, action_id)
    if not oversight.has_role_for(move, visit.scope, seen.concerned):
        raise HTTPException(404)
    return seen


async def done(
    visit: Visit, form: Form[Any], make: Make, path: str, message: str, field: str = "reason"
) -> Response | None:
    """Do it once for this form, and lead on; a refusal becomes the form's error, and nothing has changed.

    `field` is where a refusal stands that belongs to no field of its own.
    """
    try:
        events = await once(visit.work.session, form_id(form.values), make)
    except Refused as no:
        form.refuse(no.field or field, str(no))
        return None
    visit.work.record(*(events or ()))
    return after(path, SENT_ALREADY if events is None else message)


def after(path: str, message: str) -> Response:
    """On to the next page, with a word on what was done."""
    response = RedirectResponse(path, status_code=303)
    flash(response, message)
    return response


def shown(
    visit: Visit,
    template: str,
    title: str,
    seen: Seen,
    form: Form[Any],
    more: object = None,
    asked: Words | None = None,
) -> Response:
    """The form about this action, with what is wrong with it where something is (422), and what `asked` for it."""
    status = 422 if form.errors else 200
    return visit.page(
        template, title=title, status=status, seen=seen, action=seen.action, form=form, more=more, asked=asked
    )


def page_of(action_id: UUID) -> str:
    """Where the action stands."""
    return f"/remedial/actions/{action_id}"
