"""What every request leaves behind: a time by route, a reference for its errors, and one line in the log."""

import time
from uuid import uuid4

import structlog
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.observability.metrics import HTTP_SECONDS

logger = structlog.get_logger(__name__)

QUIET = frozenset({"/health/live", "/health/ready", "/metrics"})
REFERENCE_LENGTH = 8


class Requests:
    """Measures each request and gives it a reference (`scope["state"]["reference"]`), which an error page shows."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        reference = uuid4().hex[:REFERENCE_LENGTH]
        scope.setdefault("state", {})["reference"] = reference
        started = time.perf_counter()

        async def send_and_measure(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._measure(scope, message["status"], time.perf_counter() - started)
            await send(message)

        with structlog.contextvars.bound_contextvars(reference=reference):
            await self.app(scope, receive, send_and_measure)

    def _measure(self, scope: Scope, status: int, seconds: float) -> None:
        route = route_of(scope)
        HTTP_SECONDS.labels(self.service, scope["method"], route, str(status)).observe(seconds)
        if route not in QUIET:
            logger.info("answered", method=scope["method"], route=route, status=status, seconds=round(seconds, 4))


def route_of(scope: Scope) -> str:
    """The route's template, never the path: a path holds ids. "none" where nothing matched."""
    app: FastAPI | None = scope.get("app")
    if app is None:
        return "none"
    if not hasattr(app.state, "route_templates"):
        app.state.route_templates = route_templates(app)
    templates: dict[object, str] = app.state.route_templates
    return templates.get(scope.get("endpoint"), "none")


def route_templates(app: FastAPI) -> dict[object, str]:
    """From an endpoint to its whole template. `scope["route"]` lacks the prefixes with which routers were included."""
    return {context.endpoint: str(context.path) for context in iter_route_contexts(app.routes)}
