"""Audit: finished work is drawn, allocated and audited while it is still warm. Wiring only."""

from pathlib import Path

from fastapi import FastAPI

from services.audit import api, handlers, pages
from services.audit.settings import Settings
from shared.clock import Clock
from shared.events import Event, TextErased, TextWritten, Topic, events_of
from shared.service import create_service

SAYS: tuple[type[Event], ...] = (
    *events_of(Topic.PROGRAMMES),
    *events_of(Topic.DRAWS),
    *events_of(Topic.AUDITS),
    TextWritten,
    TextErased,
)


def build(settings: Settings, clock: Clock | None = None) -> FastAPI:
    """The service with these settings; its time is the machine's unless a clock is given."""
    return create_service(
        name="audit",
        settings=settings,
        events=handlers.router,
        routers=[api.router, pages.router],
        templates=Path(__file__).parent / "templates",
        says=SAYS,
        clock=clock,
    )


app = build(Settings())
