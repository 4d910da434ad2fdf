"""Wiring of reporting: settings, consumers, pages."""

from pathlib import Path

from shared.service import create_service

from services.reporting import api, handlers, pages
from services.reporting.settings import Settings

app = create_service(
    name="reporting",
    settings=Settings(),
    events=handlers.router,
    routers=[pages.router, api.router],
    templates=Path(__file__).parent / "templates",
)
