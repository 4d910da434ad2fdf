"""Days off proclaimed after the calendar of bank holidays was written: deadlines made from now on skip them."""

from datetime import date

import sqlalchemy as sa
from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from starlette.responses import Response

from services.remedial.models import Holiday
from services.remedial.pages.answering import after
from services.remedial.pages.asking import CALENDAR_KEEPERS, Visit, Visiting
from shared.web.forms import Form, Submitted, parse
from shared.working_days import is_working_day

router = APIRouter(prefix="/remedial/holidays", dependencies=CALENDAR_KEEPERS)
HOME = "/remedial/holidays"


class HolidayForm(BaseModel):
    """A day and what it is called."""

    day: date = Field(title="Day", json_schema_extra={"error": "Enter the day"})
    name: str = Field(title="Name", max_length=80, json_schema_extra={"error": "Enter what it is called"})


@router.get("")
async def holidays(visit: Visiting) -> Response:
    """The days entered so far, and one more."""
    return await _page(visit, Form())


@router.post("")
async def proclaim(visit: Visiting, submitted: Submitted) -> Response:
    """Enter a day. Deadlines already set stand."""
    form = parse(HolidayForm, submitted)
    if form.data and not is_working_day(form.data.day):
        form.refuse("day", "This is no working day already")
    if not form.is_valid or form.data is None:
        return await _page(visit, form)
    statement = insert(Holiday).values(day=form.data.day, name=form.data.name)
    await visit.work.session.execute(statement.on_conflict_do_nothing())
    return after(HOME, "Entered. Deadlines made from now on skip it; those already set stand.")


@router.post("/{day}/remove")
async def remove(day: date, visit: Visiting) -> Response:
    """It was a mistake. Deadlines already set stand."""
    gone = await visit.work.session.execute(
        sa.delete(Holiday).where(col(Holiday.day) == day).returning(col(Holiday.day))
    )
    if gone.first() is None:
        raise HTTPException(404)
    return after(HOME, "Removed. Deadlines made from now on count it as a working day; those already set stand.")


async def _page(visit: Visit, form: Form[HolidayForm]) -> Response:
    days = (await visit.work.session.execute(sa.select(Holiday).order_by(col(Holiday.day).desc()))).scalars().all()
    status = 422 if form.errors else 200
    return visit.page("remedial/holidays.html", title="Proclaimed days off", status=status, days=days, form=form)
