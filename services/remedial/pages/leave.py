"""Leave: who is away and until when, recorded by a team's manager or business support."""

from datetime import date
from functools import partial
from uuid import UUID

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.remedial import absence
from services.remedial.domain.leave import Away
from services.remedial.pages.answering import after, done
from services.remedial.pages.asking import LEAVE_KEEPERS, Visit, Visiting
from shared.web.forms import Form, Submitted, parse
from shared.working_days import local_date

router = APIRouter(prefix="/remedial/leave", dependencies=LEAVE_KEEPERS)
HOME = "/remedial/leave"
RECORDED = "Recorded. Deadlines stay as they are; managers hear which fall into the leave."


class LeaveForm(BaseModel):
    """Who is away, and from when to when."""

    person: str = Field(min_length=1, max_length=64, json_schema_extra={"error": "Select who is away"})
    first_on: date = Field(title="First day", json_schema_extra={"error": "Enter the first day"})
    last_on: date = Field(title="Last day", json_schema_extra={"error": "Enter the last day"})


@router.get("")
async def leave(visit: Visiting) -> Response:
    """The leave that is not over, and one more."""
    return await _page(visit, Form())


@router.post("")
async def record(visit: Visiting, submitted: Submitted) -> Response:
    """Record it. Deadlines stand; managers hear which of them fall into it."""
    form = parse(LeaveForm, submitted)
    if (said := form.data) is not None:
        away = Away(said.first_on, said.last_on)
        make = partial(absence.record, visit.work.session, visit.by, said.person, away)
        if answer := await done(visit, form, make, HOME, RECORDED, field="person"):
            return answer
    return await _page(visit, form)


@router.post("/{leave_id}/remove")
async def remove(leave_id: UUID, visit: Visiting) -> Response:
    """It was a mistake, or it was called off."""
    events = await absence.remove(visit.work.session, visit.by, leave_id)
    if not events:
        raise HTTPException(404)
    visit.work.record(*events)
    return after(HOME, "Removed.")


async def _page(visit: Visit, form: Form[LeaveForm]) -> Response:
    session, today = visit.work.session, local_date(visit.now)
    able = await absence.answered_for(session, visit.scope, today)
    return visit.page(
        "remedial/leave.html",
        title="Leave",
        status=422 if form.errors else 200,
        form=form,
        leave=await absence.to_come(session, visit.scope, today),
        able=[(each.person_id, each.name) for each in able],
    )
