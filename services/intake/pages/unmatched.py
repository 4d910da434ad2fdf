"""Workers and teams that cases name and the directory lacks: say who each is, or add them."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.intake import queries, resolving
from services.intake.domain.directory import spelling
from services.intake.models import SpellingRow
from services.intake.pages.asking import WATCHERS, Now, PageNumber
from shared.access import CurrentScope, Scope
from shared.messaging import Reading, Work
from shared.web import Form, Page, PageMaker, Submitted, flash, parse

router = APIRouter()


class Resolution(BaseModel):
    """Who an unmatched one is."""

    kind: str = Field(pattern="^(worker|team)$")
    stand_in: str = Field(max_length=100)
    nearest: str | None = Field(default=None, max_length=64)
    stands_for: str | None = Field(default=None, max_length=64)
    add: str | None = Field(default=None, max_length=3)


@router.get("/intake/unmatched", dependencies=WATCHERS)
async def unmatched(
    page: Page,
    session: Reading,
    scope: CurrentScope,
    kind: Annotated[str, Query(max_length=10)] = "",
    number: PageNumber = 1,
) -> HTMLResponse:
    """The list, those of most cases first; all of it, or workers or teams only."""
    wanted = kind if kind in ("worker", "team") else ""
    return page(
        "intake/unmatched.html",
        title="Unmatched staff",
        listed=await queries.unmatched(session, scope, number, wanted or None),
        kind=wanted,
    )


@router.get("/intake/unmatched/one", dependencies=WATCHERS)
async def one(
    page: Page,
    session: Reading,
    scope: CurrentScope,
    kind: Annotated[str, Query(max_length=10)] = "",
    stand_in: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Say who one of them is: the nearest names first."""
    row = await queries.spelling(session, scope, kind, stand_in)
    if row is None:
        return _back("Choose a worker or team of the list")
    return await _one_page(page, session, scope, row, Form())


@router.post("/intake/unmatched", dependencies=WATCHERS)
async def resolve(page: Page, work: Work, scope: CurrentScope, now: Now, submitted: Submitted) -> Response:
    """Say who one is, or add them."""
    form = parse(Resolution, submitted)
    said = form.data
    if said is None:
        return _back("Nothing was changed: choose a worker or team of the list")
    row = await queries.spelling(work.session, scope, said.kind, said.stand_in)
    if row is None:
        raise HTTPException(404)
    if said.add:
        work.record(*await resolving.add(work.session, row, scope.person_id, now))
        return _back(f"{row.shown} was added to the directory; their cases follow in a few seconds")
    known = said.nearest or said.stands_for
    if not known or not await resolving.stands_for(work.session, row, known, scope.person_id):
        which, it = ("which team", "it") if row.kind == "team" else ("who", "them")
        form.refuse("stands_for", f"Choose {which} {row.shown} is, or add {it}")
        return await _one_page(page, work.session, scope, row, form)
    return _back(f"{row.shown} was matched; their cases follow in a few seconds")


async def _one_page(
    page: PageMaker, session: AsyncSession, scope: Scope, row: SpellingRow, form: Form[Resolution]
) -> HTMLResponse:
    choices = (await queries.directory_choices(session, scope))[row.kind]
    return page(
        "intake/unmatched_one.html",
        title=row.shown,
        status=422 if form.errors else 200,
        row=row,
        form=form,
        nearest=_nearest(row.shown, choices),
        choices=choices,
    )


def _back(message: str) -> Response:
    response = RedirectResponse("/intake/unmatched", status_code=303)
    flash(response, message)
    return response


def _nearest(name: str, choices: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The few of the directory whose names are most like this one."""
    compared = {spelling(words.rpartition(" (")[0]): (known, words) for known, words in choices}
    return [compared[close] for close in get_close_matches(spelling(name), list(compared), n=3, cutoff=0.5)]
