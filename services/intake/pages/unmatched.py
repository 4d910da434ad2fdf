"""Workers and teams that cases name and the directory lacks: say who each is, or add them."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.intake import queries, resolving
from services.intake.domain.directory import spelling
from services.intake.pages.asking import WATCHERS, Now, PageNumber
from shared.access import CurrentScope
from shared.messaging import Reading, Work
from shared.web import Form, Page, Submitted, flash, parse

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
    choices = (await queries.directory_choices(session, scope))[row.kind]
    return page(
        "intake/unmatched_one.html",
        title=row.shown,
        row=row,
        form=Form(),
        nearest=_nearest(row.shown, choices),
        choices=choices,
    )


@router.post("/intake/unmatched", dependencies=WATCHERS)
async def resolve(work: Work, scope: CurrentScope, now: Now, submitted: Submitted) -> Response:
    """Say who one is, or add them."""
    said = parse(Resolution, submitted).data
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
        return _back(f"Nothing was changed: choose who {row.shown} is")
    return _back(f"{row.shown} was matched; their cases follow in a few seconds")


def _back(message: str) -> Response:
    response = RedirectResponse("/intake/unmatched", status_code=303)
    flash(response, message)
    return response


def _nearest(name: str, choices: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The few of the directory whose names are most like this one."""
    compared = {spelling(words.rpartition(" (")[0]): (known, words) for known, words in choices}
    return [compared[close] for close in get_close_matches(spelling(name), list(compared), n=3, cutoff=0.5)]
