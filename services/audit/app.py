"""The audit service: wiring only."""

from pathlib import Path

from shared.service import create_service

from services.audit import api, handlers, pages
from services.audit.settings import Settings

app = create_service(
    name="audit",
    settings=Settings(),
    events=handlers.router,
    routers=[pages.router, api.router],
    templates=Path(__file__).parent / "templates",
)
