"""Reporting: what every service said, folded into figures that people can act on. Wiring only."""

from pathlib import Path

from fastapi import FastAPI

from services.reporting import api, handlers, pages, papers
from services.reporting.settings import Settings
from shared.clock import Clock
from shared.events import BoardReportPublished
from shared.service import create_service
from shared.web import guidance


def build(settings: Settings, clock: Clock | None = None) -> FastAPI:
    """The service as an application."""
    return create_service(
        name="reporting",
        settings=settings,
        events=handlers.router,
        routers=[pages.router, papers.router, api.router, guidance.router],
        templates=Path(__file__).parent / "templates",
        says=[BoardReportPublished],
        clock=clock,
    )


app = build(Settings())
