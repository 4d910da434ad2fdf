"""The buttons on an action's own page: pressed, done, and what could not be done said at the top of the page."""

from functools import partial
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from services.remedial import moves
from services.remedial.domain.life import Move
from services.remedial.pages.action import show
from services.remedial.pages.answering import Make, done, offers, page_of
from services.remedial.pages.asking import ACKNOWLEDGERS, CHECKERS, REPORTERS, VERIFIERS, Visit, Visiting
from shared.web.forms import Form, Submitted

router = APIRouter(prefix="/remedial/actions/{action_id}")

REASON = 1000
TO_VERIFY = "/remedial/verify"


async def _press(visit: Visit, action_id: UUID, submitted: Submitted, make: Make, path: str, said: str) -> Response:
    form: Form[BaseModel] = Form(submitted)
    answer = await done(visit, form, make, path, said)
    return answer or await show(visit, action_id, problem=next(iter(form.errors.values())))


@router.post("/start", dependencies=REPORTERS)
async def start(action_id: UUID, visit: Visiting, submitted: Submitted) -> Response:
    """I am working on it."""
    await offers(visit, action_id, Move.START)
    make = partial(moves.start, visit.work.session, visit.by, action_id)
    return await _press(visit, action_id, submitted, make, page_of(action_id), "Marked as in progress.")


@router.post("/acknowledge", dependencies=ACKNOWLEDGERS)
async def acknowledge(action_id: UUID, visit: Visiting, submitted: Submitted) -> Response:
    """I have the escalation in hand."""
    await offers(visit, action_id, Move.ACKNOWLEDGE)
    make = partial(moves.acknowledge, visit.work.session, visit.by, action_id)
    return await _press(visit, action_id, submitted, make, page_of(action_id), "You have it in hand.")


@router.post("/verify", dependencies=VERIFIERS)
async def verify(action_id: UUID, visit: Visiting, submitted: Submitted) -> Response:
    """It is done; with the last action of an audit, the case is re-rated or its rating confirmed."""
    await offers(visit, action_id, Move.VERIFY)
    grade = str(submitted.get("grade", "")) or None
    make = partial(moves.verify, visit.work.session, visit.by, action_id, grade)
    return await _press(visit, action_id, submitted, make, TO_VERIFY, "Verified.")


@router.post("/check", dependencies=CHECKERS)
async def check(action_id: UUID, visit: Visiting, submitted: Submitted) -> Response:
    """The second look: upheld, or asked for again."""
    await offers(visit, action_id, Move.CHECK)
    upheld, reason = submitted.get("upheld") == "yes", str(submitted.get("reason", "")).strip()[:REASON]
    make = partial(moves.check, visit.work.session, visit.by, action_id, upheld=upheld, reason=reason)
    return await _press(visit, action_id, submitted, make, TO_VERIFY, "Your second look is recorded.")
