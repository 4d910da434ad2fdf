"""Moves that ask for a reason and nothing else: one table, from which each gets its form and its answer."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from fastapi.params import Depends
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from services.remedial import moves
from services.remedial.domain.life import Move
from services.remedial.moves import By
from services.remedial.pages.answering import done, offers, page_of, shown
from services.remedial.pages.asking import OVERSEERS, VERIFIERS, WITHDRAWERS, Visiting
from shared.events import Event
from shared.web.forms import Form, Submitted, parse

router = APIRouter(prefix="/remedial/actions/{action_id}")

REASON = 1000


Reason = Annotated[str, Field(title="Reason", max_length=REASON, json_schema_extra={"error": "Enter a reason"})]


class ReasonForm(BaseModel):
    """Why."""

    reason: Reason


class ChaseForm(BaseModel):
    """How somebody was asked; may stay empty."""

    reason: str = Field(default="", title="What was said", max_length=REASON)


@dataclass(frozen=True)
class Asked:
    """One such move: who makes it, what it asks, the words on its page, and where it leads when it is done."""

    move: Move
    who: Sequence[Depends]
    make: Callable[[AsyncSession, By, UUID, str], Awaitable[list[Event]]]
    title: str
    text: str
    label: str
    button: str
    done: str
    form: type[ReasonForm] | type[ChaseForm] = ReasonForm
    back: str = ""


ASKED = (
    Asked(
        Move.RETURN,
        VERIFIERS,
        moves.send_back,
        "Send it back",
        "The owner sees your reason and can report it again. The due date stands.",
        "What is still missing?",
        "Send it back",
        "Sent back to its owner.",
        back="/remedial/verify",
    ),
    Asked(
        Move.REOPEN,
        VERIFIERS,
        moves.reopen,
        "Ask for it again",
        "The action is open again with a new due date, and so is the loop of its audit.",
        "Why is it needed again?",
        "Ask for it again",
        "Open again.",
    ),
    Asked(
        Move.WITHDRAW,
        WITHDRAWERS,
        moves.withdraw,
        "Withdraw this action",
        "Nothing more is asked of its owner. It stays on record with your reason.",
        "Why is it no longer needed?",
        "Withdraw it",
        "Withdrawn.",
    ),
    Asked(
        Move.CHASE,
        OVERSEERS,
        moves.chase,
        "Record that you chased it",
        "So that nobody asks twice, and everybody can see that somebody did.",
        "What was said? (optional)",
        "Record it",
        "Recorded that you chased it.",
        form=ChaseForm,
    ),
)


def _serve(asked: Asked) -> None:
    """The two routes of one move: its form, and what becomes of it."""

    @router.get(f"/{asked.move}", dependencies=asked.who, name=f"ask_{asked.move}")
    async def ask(action_id: UUID, visit: Visiting) -> Response:
        seen = await offers(visit, action_id, asked.move)
        return shown(visit, "remedial/reason.html", asked.title, seen, Form(), asked)

    @router.post(f"/{asked.move}", dependencies=asked.who, name=str(asked.move))
    async def answer(action_id: UUID, visit: Visiting, submitted: Submitted) -> Response:
        seen = await offers(visit, action_id, asked.move)
        form: Form[Any] = parse(asked.form, submitted)
        if form.data is not None:
            make = partial(asked.make, visit.work.session, visit.by, action_id, form.data.reason)
            if answered := await done(visit, form, make, asked.back or page_of(action_id), asked.done):
                return answered
        return shown(visit, "remedial/reason.html", asked.title, seen, form, asked)


for each in ASKED:
    _serve(each)
