"""Sign-in, sign-out and one's own account.

Any way of proving who somebody is ends in `begin_session`: the local one below, where a person is chosen from a list,
is for demonstrations and development, and refuses to run on an origin that others can reach.
"""

from collections.abc import Sequence
from typing import Annotated, Protocol

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.intake.people_changes import sign_out_everywhere
from shared.access import CurrentScope, MaybeScope, Role, allow, people, sessions
from shared.access.scope import Deployment, SessionSettings
from shared.messaging import Reading, Work
from shared.service import is_loopback
from shared.web import Form, Page, Submitted, flash

router = APIRouter()

HOME = "/"
LONGEST_PATH = 500


class SignInSettings(SessionSettings, Protocol):
    """What sign-in needs of intake's settings."""

    @property
    def origin(self) -> str: ...
    @property
    def local_sign_in(self) -> bool: ...
    @property
    def local_sign_in_anywhere(self) -> bool: ...


class LocalSignInRefusedError(ValueError):
    """Anybody could sign in as anybody, from anywhere."""


def check_local_sign_in(settings: SignInSettings) -> None:
    """Refuse to start where choosing a person would be open to other machines, unless told so in as many words."""
    if settings.local_sign_in and not settings.local_sign_in_anywhere and not is_loopback(settings.origin):
        raise LocalSignInRefusedError(
            f"CASELOOP_LOCAL_SIGN_IN lets anybody be anybody, and {settings.origin} is not this machine alone; "
            "set CASELOOP_LOCAL_SIGN_IN_ANYWHERE if that is meant"
        )


def safe_path(wanted: str) -> str:
    """A path of this site to go on to; home for anything that could lead elsewhere."""
    if len(wanted) > LONGEST_PATH or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return HOME
    return HOME if any(character < " " or character == "\\" for character in wanted) else wanted


def by_role(everybody: Sequence[people.Person]) -> list[tuple[str, list[people.Person]]]:
    """Who holds each role, in the order in which roles are declared; roles that nobody holds are left out."""
    groups = [(role.value, [person for person in everybody if role in person.roles]) for role in Role]
    return [(role, members) for role, members in groups if members]


def begin_session(response: Response, person: people.Person, settings: SignInSettings) -> None:
    """Sign a person in on this browser. Whatever proves who they are calls this last."""
    cookie = sessions.sign(sessions.read_key(settings.session_key_file), person.person_id, person.epoch)
    sessions.start(response, cookie, secure=settings.origin.startswith("https:"))


@router.get("/sign-in", include_in_schema=False)
async def choose(
    page: Page,
    session: Reading,
    request: Request,
    wanted: Annotated[str, Query(alias="next", max_length=2000)] = HOME,
    unsaved: Annotated[str, Query(max_length=3)] = "",
) -> HTMLResponse:
    """The people to choose from, where local sign-in is on; what to do instead, where it is not."""
    settings = settings_of(request)
    everybody = await people.people(session) if settings.local_sign_in else []
    return page(
        "intake/sign_in.html",
        title="Sign in",
        local=settings.local_sign_in,
        groups=by_role(everybody),
        wanted=safe_path(wanted),
        unsaved=bool(unsaved),
    )


@router.post("/sign-in", include_in_schema=False)
async def sign_in(request: Request, session: Reading, submitted: Submitted) -> Response:
    """Sign in as the person chosen, and go on to where they were going."""
    settings = settings_of(request)
    given: Form[BaseModel] = Form(values=submitted)
    person = await people.person(session, given.value("person_id")) if settings.local_sign_in else None
    if person is None or not person.active:
        raise HTTPException(404)
    response = RedirectResponse(safe_path(given.value("next")), status_code=303)
    begin_session(response, person, settings)
    return response


@router.get("/sign-out", include_in_schema=False)
async def ask_to_sign_out(page: Page) -> HTMLResponse:
    """The page behind a plain link."""
    return page(
        "caseloop/confirm.html",
        title="Sign out",
        question="Sign out of Caseloop?",
        action="/sign-out",
        button="Sign out",
        cancel=HOME,
    )


@router.post("/sign-out", include_in_schema=False)
async def sign_out(_scope: MaybeScope) -> Response:
    """End the session on this browser."""
    response = RedirectResponse("/sign-in", status_code=303)
    sessions.end(response)
    flash(response, "You have signed out")
    return response


@router.get("/account", include_in_schema=False, dependencies=[allow()])
async def account(page: Page, session: Reading, scope: CurrentScope) -> HTMLResponse:
    """Who one is to Caseloop, and what one may therefore see."""
    person = await people.person(session, scope.person_id)
    return page("intake/account.html", title="Your account", person=person)


@router.post("/account/sign-out-everywhere", include_in_schema=False, dependencies=[allow()])
async def end_every_session(work: Work, scope: CurrentScope, request: Request) -> Response:
    """End every session of one's own, on every device, in every service within seconds."""
    deployment: Deployment = request.app.state.service
    ended = await sign_out_everywhere(work.session, scope.person_id, deployment.clock.now())
    if ended is None:
        raise HTTPException(404)
    work.record(ended)
    response = RedirectResponse("/sign-in", status_code=303)
    sessions.end(response)
    flash(response, "You have signed out everywhere")
    return response


def settings_of(request: Request) -> SignInSettings:
    """Intake's settings, as far as sign-in needs them."""
    settings: SignInSettings = request.app.state.service.settings
    return settings
