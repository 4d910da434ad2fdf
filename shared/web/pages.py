"""Pages: one Jinja environment a service, and `Page`, which renders a template with who is asking and what waits.

async def inbox(page: Page, scope: CurrentScope, session: Reading) -> HTMLResponse:
    return page("audit/inbox.html", title="Audits", cases=await open_cases(session, scope))
"""

import time
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from types import CodeType
from typing import Annotated
from uuid import uuid4

import sqlalchemy as sa
from fastapi import Depends, FastAPI, Request
from jinja2 import (
    BaseLoader,
    BytecodeCache,
    ChainableUndefined,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    PrefixLoader,
    Undefined,
    UndefinedError,
)
from jinja2.bccache import Bucket
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.responses import HTMLResponse

from shared.access.scope import Deployment, MaybeScope, Scope
from shared.access.tables import PERSON, TEAM
from shared.web import filters
from shared.web.assets import asset
from shared.web.flash import flashed, forget
from shared.web.navigation import navigation, raise_concern

TEMPLATES = Path(__file__).parent / "templates"
NAMES_SECONDS = 2.0
"""How old the names on a page may be."""


@dataclass
class Names:
    """Every person's and team's name, read again when older than two seconds: a page shows dozens of them."""

    engine: AsyncEngine
    people: Mapping[str, str] = field(default_factory=dict)
    teams: Mapping[str, str] = field(default_factory=dict)
    read_at: float = float("-inf")

    async def fresh(self) -> "Names":
        """Itself, read again where it was old."""
        if time.monotonic() - self.read_at > NAMES_SECONDS:
            await self.changed()
        return self

    async def changed(self) -> bool:
        """Read them again; whether one is another now."""
        before = self.people, self.teams
        async with self.engine.connect() as connection:
            people = await connection.execute(sa.select(PERSON.c.person_id, PERSON.c.name))
            teams = await connection.execute(sa.select(TEAM.c.team_id, TEAM.c.name))
            self.people = {str(key): str(name) for key, name in people}
            self.teams = {str(key): str(name) for key, name in teams}
        self.read_at = time.monotonic()
        return before != (self.people, self.teams)


@dataclass(frozen=True)
class PageMaker:
    """Renders one page for one request."""

    request: Request
    scope: Scope | None
    names: Names

    def __call__(
        self,
        template: str,
        *,
        title: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **context: object,
    ) -> HTMLResponse:
        """The page. A message that waited is shown and forgotten; nothing of it may be cached by anybody."""
        message = flashed(self.request)
        # An address that leads to nothing names no audit either.
        about = "" if status == 404 else self.request.url.path
        context["raise_concern"] = raise_concern(self.scope, about)
        response = HTMLResponse(
            self.render(template, title=title, flash=message, **context),
            status_code=status,
            headers={"Cache-Control": "no-store", **(headers or {})},
        )
        if message is not None:
            forget(response)
        return response

    def render(self, template: str, **context: object) -> str:
        """A template's text alone, with what every page's template is given."""
        path = self.request.url.path
        around = {"title": "Caseloop", "flash": None, "path": path, "scope": self.scope}
        return self.part(template, **{**around, "nav": navigation(self.scope, path), **context})

    def part(self, template: str, **context: object) -> str:
        """The text of a fragment that htmx swaps in, drawn over and over: it is given nothing of the page around it."""
        deployment: Deployment = self.request.app.state.service
        pages: Environment = self.request.app.state.pages
        now = deployment.clock.now()
        token = _RENDERING.set(_Rendering(now, self.names))
        try:
            return pages.get_template(template).render({"now": now, **context})
        finally:
            _RENDERING.reset(token)


async def page_maker(request: Request, scope: MaybeScope) -> PageMaker:
    """The dependency behind `Page`: usable signed out too (sign-in, help, errors)."""
    return PageMaker(request, scope, await names_of(request.app).fresh())


Page = Annotated[PageMaker, Depends(page_maker)]


def names_of(app: FastAPI) -> Names:
    """The application's names, made when first asked for: the engine is there by then."""
    if not hasattr(app.state, "names"):
        app.state.names = Names(app.state.service.engine)
    names: Names = app.state.names
    return names


class Missing(ChainableUndefined):
    """What a template asked for and did not get: quiet inside the GOV.UK macros' options, loud when shown or looped."""

    def __str__(self) -> str:
        return "" if self._is_option else self._shout()

    def __iter__(self) -> Iterator[object]:
        return iter(()) if self._is_option else iter(self._shout())

    @property
    def _is_option(self) -> bool:
        """A key that a dictionary lacks, or an argument that a macro was not given."""
        return isinstance(self._undefined_obj, dict | Undefined) or self._undefined_hint is not None

    def _shout(self) -> str:
        raise UndefinedError(self._undefined_message)


class Compiled(BytecodeCache):
    """What was compiled stays for the life of the process: several applications in it share the layout and macros."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """The code of this very source, if it was compiled already."""
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it."""
        if bucket.code is not None:
            self._kept[bucket.key, bucket.checksum] = bucket.code


_COMPILED = Compiled()


def environment(templates: Path | None, council: str = "") -> Environment:
    """A Jinja environment over a service's own templates, the shared ones and the GOV.UK components."""
    components = PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")})
    folders: list[BaseLoader] = [FileSystemLoader(folder) for folder in (templates, TEMPLATES) if folder is not None]
    made = Environment(
        # A template never changes while the service runs: each drawing would look at every file of it
        auto_reload=False,
        loader=ChoiceLoader([*folders, components]),
        autoescape=True,
        undefined=Missing,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=_COMPILED,
    )
    made.globals.update(asset=asset, council=council, new_id=uuid4)
    made.filters.update(
        long_date=filters.long_date,
        short_date=filters.short_date,
        clock_time=filters.clock_time,
        long_time=filters.long_time,
        counted=filters.counted,
        grouped=filters.grouped,
        percent=filters.percent,
        sentence=filters.sentence,
        role_name=filters.role_name,
        sender_name=filters.sender_name,
        paragraphs=filters.paragraphs,
        due_in=_due_in,
        person_name=_person_name,
        team_name=_team_name,
    )
    return made


@dataclass(frozen=True)
class _Rendering:
    """What filters need of the page that is being rendered, also inside imported macros, which see no context."""

    now: datetime
    names: Names


_RENDERING: ContextVar[_Rendering] = ContextVar("rendering")


def _due_in(due: date | datetime | None) -> str:
    return filters.due_in(due, _RENDERING.get().now)


def _person_name(person_id: str | None) -> str:
    return filters.named(person_id, _RENDERING.get().names.people, "Nobody yet")


def _team_name(team_id: str | None) -> str:
    return filters.named(team_id, _RENDERING.get().names.teams, "No team")
