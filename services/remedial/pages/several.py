"""Several actions at once: choose them, say what and why, and see what came of each."""

from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator
from starlette.responses import Response

from services.remedial import bulk, queries
from services.remedial.bulk import Wanted, What
from services.remedial.pages.answering import after
from services.remedial.pages.asking import OVERSEERS, Look, Looking, Visit, Visiting
from services.remedial.pages.narrowing import addresses
from services.remedial.pages.owners import possible_owners
from shared.web.forms import Form, Submitted, parse
from shared.web.once import SENT_ALREADY, form_id, once

router = APIRouter(prefix="/remedial/several", dependencies=OVERSEERS)
HOME = "/remedial/several"


class SeveralForm(BaseModel):
    """Which, what and why."""

    actions: tuple[UUID, ...] = Field(min_length=1, max_length=bulk.MOST, json_schema_extra={"error": "Select actions"})
    what: What = Field(json_schema_extra={"error": "Select what to do"})
    reason: str = Field(default="", title="Reason", max_length=1000)
    owner: str = Field(default="", max_length=64)
    due_on: date | None = Field(default=None, title="New due date")

    @model_validator(mode="after")
    def says_enough(self) -> "SeveralForm":
        """A hand-over needs somebody, an extension a day, and both a reason."""
        if self.what is What.REASSIGN and not self.owner:
            raise ValueError("Select who takes them on")
        if self.what is What.EXTEND and self.due_on is None:
            raise ValueError("Enter the new due date")
        if self.what is not What.CHASE and not self.reason:
            raise ValueError("Enter a reason")
        return self


@router.get("")
async def choose(look: Looking, visit: Visiting) -> Response:
    """The open actions, narrowed as on the board, to choose from."""
    return await _page(visit, look, Form())


@router.post("")
async def do(look: Looking, visit: Visiting, submitted: Submitted) -> Response:
    """Do it to each, by its own rules."""
    form = parse(SeveralForm, submitted)
    if (said := form.data) is None:
        return await _page(visit, look, form)
    wanted = Wanted(said.what, said.reason, said.owner, said.due_on)
    session = visit.work.session
    outcome = await once(session, form_id(submitted), partial(bulk.do_all, session, visit.by, said.actions, wanted))
    if outcome is None:
        return after(HOME, SENT_ALREADY)
    visit.work.record(*outcome.events)
    return after(HOME, outcome.sentence)


async def _page(visit: Visit, look: Look, form: Form[Any]) -> Response:
    session = visit.work.session
    conditions = [queries.IS_TO_DO, *look.filters.conditions(look.days)]
    return visit.page(
        "remedial/several.html",
        title="Change several actions",
        status=422 if form.errors else 200,
        form=form,
        at=addresses(HOME, look.filters, look.number),
        listed=await queries.listed(session, look.scope, conditions, look.number),
        able=await possible_owners(visit),
    )
