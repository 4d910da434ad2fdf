"""Every shared macro on one page, for tests and for whoever changes the look. No service serves it.

python -m tests.browser.style_guide PORT
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal, cast

import uvicorn
from fastapi import FastAPI, Request
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncEngine
from sse_starlette.sse import EventSourceResponse
from starlette.responses import HTMLResponse, RedirectResponse, Response

from shared.access import MaybeScope, Role, Scope
from shared.access.scope import scope_of
from shared.web import Page, Submitted, flash, guidance, install, parse
from shared.web.pages import Names

NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
PEOPLE = {"w1": "Ada Cole", "w2": "Ben Okafor", "w3": "Cara Lindqvist"}


class StandingClock:
    """Always the same moment, so that a screenshot changes only when the look does."""

    def now(self) -> datetime:
        return NOW


@dataclass
class Showroom:
    """As much of a deployment as pages need."""

    clock: StandingClock


class Example(BaseModel):
    """A form of every kind of field."""

    done: str = Field(title="What was done", max_length=500)
    when: date = Field(title="The date")
    grade: Literal["red", "amber", "green"] = Field(title="A grade")
    themes: list[str] = Field(default=[], title="Themes")
    owner: str = Field(title="Owner", json_schema_extra={"error": "Choose who should act"})


def create_style_guide() -> FastAPI:
    """The application."""
    app = FastAPI(openapi_url=None)
    app.state.service = Showroom(StandingClock())
    app.state.names = Names(cast(AsyncEngine, None), people=PEOPLE, teams={"t1": "Duty and Assessment 1"}, read_at=1e12)
    app.state.streams = 0
    app.dependency_overrides[scope_of] = _everybody
    install(app, templates=Path(__file__).parent / "templates", council="Exampleshire County Council")

    app.include_router(guidance.router)

    @app.get("/")
    async def guide(page: Page) -> HTMLResponse:
        return page(
            "style_guide.html", title="Style guide", form=parse(Example, {}), today=NOW.date(), empty_form=False
        )

    @app.get("/fields")
    async def fields(page: Page) -> HTMLResponse:
        wrong = parse(Example, {"done": "x" * 501, "grade": "blue"})
        return page("style_guide_fields.html", title="Fields", form=wrong, status=422)

    @app.post("/fields")
    async def submit(page: Page, given: Submitted) -> Response:
        form = parse(Example, given)
        if not form.is_valid:
            return page("style_guide_fields.html", title="Fields", form=form, status=422)
        response = RedirectResponse("/", status_code=303)
        flash(response, "The action was reported")
        return response

    @app.get("/confirm")
    async def confirm(page: Page) -> HTMLResponse:
        return page(
            "caseloop/confirm.html",
            title="Dismiss",
            question="Dismiss 3 quarantined rows?",
            text="They will not be tried again. The sender sees that they were dismissed.",
            action="/fields",
            button="Dismiss the rows",
            cancel="/",
            danger=True,
        )

    @app.get("/fault")
    async def fault() -> Response:
        raise RuntimeError("Ada Cole's row broke this")

    _add_live_rows(app)
    return app


def _add_live_rows(app: FastAPI) -> None:
    """A page whose rows arrive by themselves, its stream, and how many streams are open."""

    @app.get("/live-page")
    async def live_page(page: Page) -> HTMLResponse:
        return page("style_guide_live.html", title="Live rows")

    @app.get("/live-page/stream")
    async def stream(page: Page, request: Request) -> EventSourceResponse:
        async def rows() -> AsyncIterator[dict[str, str]]:
            app.state.streams += 1
            try:
                for number in (3, 1, 2, 1):
                    yield {"data": page.render("style_guide_row.html", number=number).replace("\n", " ")}
                await asyncio.Event().wait()
            finally:
                app.state.streams -= 1

        return EventSourceResponse(rows())

    @app.get("/streams")
    async def streams() -> int:
        return int(app.state.streams)


async def _everybody() -> MaybeScope:
    return Scope("w1", "Ada Cole", frozenset({Role.AUDITOR.value, Role.QA_MANAGER.value, Role.TEAM_MANAGER.value}))


if __name__ == "__main__":
    uvicorn.run(create_style_guide(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
