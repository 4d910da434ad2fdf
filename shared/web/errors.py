"""Error pages: what is absent and what may not be seen look the same; a fault shows a reference, never a reason."""

import logging
import sys
from http import HTTPStatus
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.datastructures import URL
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.access.scope import SignInRequiredError, scope_of
from shared.messaging.faults import is_world_down, sqlstate
from shared.web.pages import Names, PageMaker, names_of

logger = structlog.get_logger(__name__)

RETRY_SECONDS = "5"

NOT_TEXT = frozenset({"22021", "22P05"})
"""What PostgreSQL says of characters that it cannot hold, such as NUL: whoever sent them is told, by whatever road."""

TITLES = {
    400: "Something in the request was not understood",
    403: "Page not found",
    404: "Page not found",
    405: "Page not found",
    409: "This has changed meanwhile",
    413: "Too much was sent",
    415: "This kind of file is not taken",
    422: "Something in the request was not understood",
    429: "Too much at once",
    500: "Something went wrong on our side",
    503: "Caseloop cannot do this just now",
}


async def _nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Leave everything as it is."""


ANY_SIZE = RequestBodyLimitMiddleware(_nothing, max_body_size=sys.maxsize)
"""Called in a request, lifts its bound. Where a body is over it, Starlette puts three bare words in the place of any
answer, be it a page, and the way to sign in too; what is refused or led elsewhere reads nothing any more."""


def install_errors(app: FastAPI) -> None:
    """Answer every error of the application with a page, or with JSON where JSON was asked for."""
    app.add_exception_handler(SignInRequiredError, to_sign_in)
    app.add_exception_handler(HTTPException, as_page)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_middleware(Faults)


async def to_sign_in(request: Request, _error: Exception) -> Response:
    """Send a browser to sign in and back again; answer 401 to a program and to a form that was open too long."""
    if wants_json(request):
        return JSONResponse({"detail": "Sign in first."}, status_code=401)
    is_read = request.method in ("GET", "HEAD")
    wanted = _address(request.url) if is_read else _came_from(request)
    asked = ([] if is_read else ["unsaved=yes"]) + ([f"next={quote(wanted, safe='/')}"] if wanted else [])
    response = RedirectResponse("?".join(["/sign-in", *filter(None, ["&".join(asked)])]), status_code=303)
    response.headers["Cache-Control"] = "no-store"
    return response


def _address(url: URL) -> str:
    return url.path + (f"?{url.query}" if url.query else "")


def _came_from(request: Request) -> str | None:
    """The page of this service whose form was sent; none for one that only an answer to a form shows."""
    url = URL(request.headers.get("referer", ""))
    page = {"type": "http", "method": "GET", "path": url.path, "root_path": "", "headers": []}
    return _address(url) if any(route.matches(page)[0] is Match.FULL for route in request.app.routes) else None


async def as_page(request: Request, error: Exception) -> Response:
    """The page of an HTTP error. Forbidden, absent and wrong method are one page, so that none reveals the other."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    status = 404 if status in (403, 405) else status
    headers = dict(getattr(error, "headers", None) or {})
    headers.pop("Allow", None)
    return await answer(request, status, headers, _said(error, status))


async def invalid(request: Request, error: Exception) -> Response:
    """422 with the places of what was wrong, never the values; a malformed id in the path is simply not found."""
    places = [detail["loc"] for detail in error.errors()] if isinstance(error, RequestValidationError) else []
    if any(place and place[0] == "path" for place in places):
        return await answer(request, 404, {})
    if wants_json(request):
        wrong = [{"place": [str(part) for part in place]} for place in places]
        return JSONResponse({"detail": TITLES[422], "errors": wrong}, status_code=422)
    return await answer(request, 422, {})


class Faults:
    """Turns whatever nobody caught into a 500 with a reference, under which the log has its type and its place.

    What passes by itself, such as a database that restarts, is a 503 instead; text that no database holds, a 422.
    A middleware of our own, because Starlette's answers outside of all others (so without the security headers) and
    raises again (so that the server prints the message, which may quote a row).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start" and message["status"] >= 300:
                await ANY_SIZE(scope, receive, send)
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except ClientDisconnect:
            # Nobody is there to be answered, and nothing is wrong here
            return
        except Exception as error:
            status, headers = _status_of(error)
            logger.log(logging.ERROR if status == 500 else logging.WARNING, "request failed", exc_info=error)
            if started or scope["type"] != "http":
                raise
            response = await answer(Request(scope, receive), status, headers)
            await response(scope, receive, send)


def _status_of(error: Exception) -> tuple[int, dict[str, str]]:
    if is_world_down(error):
        return 503, {"Retry-After": RETRY_SECONDS}
    return (422 if sqlstate(error) in NOT_TEXT else 500), {}


def _said(error: Exception, status: int) -> str | None:
    """What a service said of a request that it refused; of what is absent or may not be seen nothing is said."""
    if status == 404 or not isinstance(error, HTTPException):
        return None
    return error.detail if error.detail != HTTPStatus(error.status_code).phrase else None


async def answer(request: Request, status: int, headers: dict[str, str], detail: str | None = None) -> Response:
    """An error as a page or as JSON, with `detail`, the service's own words, where there are any."""
    title = TITLES.get(status, "This cannot be done")
    reference = reference_of(request)
    if wants_json(request):
        return JSONResponse({"detail": detail or title, "reference": reference}, status_code=status, headers=headers)
    page = await _page(request)
    return page(
        "caseloop/error.html",
        title=title,
        status=status,
        headers=headers,
        code=status,
        reference=reference,
        said=_as_sentence(detail),
    )


def _as_sentence(detail: str | None) -> str | None:
    return f"{detail.rstrip('.')}." if detail else None


async def _page(request: Request) -> PageMaker:
    """A page for whoever asks; for nobody where the database that knows them is what failed."""
    try:
        return PageMaker(request, await scope_of(request), await names_of(request.app).fresh())
    except Exception as lost:
        logger.warning("error page without its reader", exc_info=lost)
        return PageMaker(request, None, Names(request.app.state.service.engine))


class ProgramRoute(APIRoute):
    """A route that no browser asks: what it refuses is said in JSON, also to whoever does not say what they accept."""


def wants_json(request: Request) -> bool:
    """Whether a program is asking: by the route, a path that ends in .json, or by preferring JSON to pages."""
    accept = request.headers.get("accept", "")
    return (
        isinstance(request.scope.get("route"), ProgramRoute)
        or request.url.path.endswith(".json")
        or ("application/json" in accept and "text/html" not in accept)
    )


def reference_of(request: Request) -> str:
    """The reference of this request, as its log lines carry it."""
    return str(request.scope.get("state", {}).get("reference", ""))
