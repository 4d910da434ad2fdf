"""`POST /intake/children_social_care_data/{la_code}/children`: the DfE's daily push API, with a credential of ours.

The document has no security scheme: each sender has a bearer token. What breaks its schema answers 400 and takes
nothing. What is well-formed but cannot be quarantines that child's record, takes the rest, and says so in the receipt:
the body is the receipt's id, as the document has it; the header `Caseloop-Outcome` and `GET /intake/receipts/{id}`
say what it came to.
"""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.intake import push, senders
from services.intake.domain.dfe import MOST_CHILDREN
from services.intake.limits import Limiter
from services.intake.models import Receipt, Sender
from services.intake.settings import Settings, keys
from shared.messaging import Reading, Work
from shared.web.errors import ProgramRoute


class SenderRoute(ProgramRoute):
    """A route that a case management system asks: it refuses with the document's own statuses, 403 among them.

    It refuses before anything is written.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """405 with what may be asked instead: elsewhere a wrong method looks like a page that is not there.

        Said before anybody's token is looked at, and the same of every address of this form: it tells nobody anything.
        """
        methods = self.methods or set()
        if scope["method"] in methods:
            await super().handle(scope, receive, send)
            return
        refused = JSONResponse({"detail": "Method not allowed"}, 405, {"Allow": ", ".join(sorted(methods))})
        await refused(scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's own answer, or why there is none."""
        answer = super().get_route_handler()

        async def answer_a_program(request: Request) -> Response:
            try:
                return await answer(request)
            except HTTPException as refused:
                return JSONResponse({"detail": refused.detail}, refused.status_code, refused.headers)
            except RequestValidationError:
                return JSONResponse({"detail": "Not Found"}, 404)

        return answer_a_program


router = APIRouter(route_class=SenderRoute)

MOST_BYTES = 8 * 1024 * 1024
"""A hundred children with long histories are a tenth of this."""

MOST_CODE = 999
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,399})")
"""An integer below zero may be as long as it likes; it is nobody's code."""

ADDRESS = "/intake/children_social_care_data/{la_code}/children"


class Outcome(BaseModel):
    """What a push came to: statements by what became of them."""

    receipt: UUID
    accepted: int
    duplicate: int
    quarantined: int


async def sender_of(request: Request, session: Reading) -> Sender:
    """Whose token came with the request; 401 where it is nobody's."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    sender = await senders.sender_of(session, token.strip()) if scheme.casefold() == "bearer" and token else None
    if sender is None:
        raise HTTPException(401, "A sender's token is needed", headers={"WWW-Authenticate": "Bearer"})
    return sender


SenderOf = Annotated[Sender, Depends(sender_of)]

_SAID: dict[int | str, dict[str, object]] = {
    200: {"description": "Data received", "content": {"application/json": {"schema": {"type": "string"}}}},
    204: {"description": "No content"},
    400: {"description": "Payload was malformed"},
    401: {"description": "Unauthorized Access"},
    403: {"description": "Forbidden Access"},
    413: {"description": "Too many records"},
    429: {"description": "Too many requests"},
}


@router.post(ADDRESS, responses=_SAID, max_body_size=MOST_BYTES)
async def take_push(request: Request, la_code: str, sender: SenderOf, work: Work) -> Response:
    """Submit child social care data."""
    settings: Settings = request.app.state.service.settings
    if _code(la_code) != int(settings.council):
        # Said as the document says it: everywhere else, what is not yours answers 404.
        raise HTTPException(403, "This is another council's data")
    _not_too_often(request, settings, sender)
    body = await request.body()
    if not body and "content-type" not in request.headers:
        # The document asks for no body; an empty one that claims to be JSON is malformed.
        return Response(status_code=204)
    try:
        children = push.read(body)
    except push.MalformedError as error:
        if _too_many(body):
            raise HTTPException(413, f"At most {MOST_CHILDREN} children at a time") from error
        raise HTTPException(400, str(error)) from error
    if len(children) > MOST_CHILDREN:
        raise HTTPException(413, f"At most {MOST_CHILDREN} children at a time")
    if not children:
        return Response(status_code=204)
    now: datetime = request.app.state.service.clock.now()
    counts, events = await push.take(work.session, keys(settings), sender.name, children, now)
    work.record(*events)
    return _receipt(work, sender, counts, now)


@router.get("/intake/receipts/{receipt_id}")
async def receipt(receipt_id: UUID, sender: SenderOf, session: Reading) -> Outcome:
    """What a push came to; 404 for another sender's."""
    found = await session.get(Receipt, receipt_id)
    if found is None or found.sender_id != sender.sender_id:
        raise HTTPException(404)
    return Outcome(
        receipt=receipt_id, accepted=found.accepted, duplicate=found.duplicate, quarantined=found.quarantined
    )


def _code(la_code: str) -> int:
    """The code in the address, an integer of at most 999 as the document has it; 400 where it is none."""
    if not _WHOLE.fullmatch(la_code) or int(la_code) > MOST_CODE:
        raise HTTPException(400, "la_code: not a local authority's code")
    return int(la_code)


def _not_too_often(request: Request, settings: Settings, sender: Sender) -> None:
    state = request.app.state
    if not hasattr(state, "push_limiter"):
        state.push_limiter = Limiter(settings.pushes_per_second, settings.pushes_at_once)
    wait = state.push_limiter.wait(str(sender.sender_id), time.monotonic())
    if wait:
        raise HTTPException(429, "Too many requests", headers={"Retry-After": str(math.ceil(wait))})


def _too_many(body: bytes) -> bool:
    """Whether a body is refused for its length first: an array of too many, whatever is wrong inside."""
    return body.count(b'"la_child_id"') > MOST_CHILDREN


def _receipt(work: Work, sender: Sender, counts: Counter[str], now: datetime) -> Response:
    receipt_id = uuid4()
    brought = {name: counts[name] for name in ("accepted", "duplicate", "quarantined")}
    work.session.add(Receipt(receipt_id=receipt_id, sender_id=sender.sender_id, at=now, **brought))
    deleted = {"deleted": counts["deleted"]} if counts["deleted"] else {}
    said = "; ".join(f"{name}={count}" for name, count in (brought | deleted).items())
    return JSONResponse(str(receipt_id), headers={"Caseloop-Outcome": said})
