"""Puts pages on one application: templates, assets, error pages, security headers, the refusal of cross-site posts."""

from pathlib import Path

from asgi_cross_origin_protection import CrossOriginProtection
from fastapi import FastAPI
from starlette.responses import PlainTextResponse

from shared.web.assets import DIST, PREFIX, Assets
from shared.web.errors import install_errors
from shared.web.headers import SecurityHeaders
from shared.web.nul import install_nul
from shared.web.pages import environment

REFUSED = (
    "This came from another site and was refused. Nothing was changed. "
    "Open Caseloop in a window of its own and try again there."
)


def install(
    app: FastAPI,
    *,
    templates: Path | None,
    council: str,
    origin: str | None = None,
    machine_paths: tuple[str, ...] = (),
) -> None:
    """Give the application its pages. `machine_paths` take posts from programs that hold a credential of their own."""
    app.state.pages = environment(templates, council)
    app.mount(PREFIX, Assets(directory=DIST, check_dir=False), name="assets")
    install_nul(app, machine_paths)
    install_errors(app)
    app.add_middleware(
        CrossOriginProtection,
        allowed_origins=[origin] if origin else [],
        exempt_paths=machine_paths,
        deny_app=PlainTextResponse(REFUSED, status_code=403),
    )
    app.add_middleware(SecurityHeaders)
