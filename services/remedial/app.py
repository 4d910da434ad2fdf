"""Remedial: findings become finished work, and the loop is seen to close. Wiring only."""

from pathlib import Path

from fastapi import FastAPI

from services.remedial import api, handlers, pages
from services.remedial.domain.refusal import Refused
from services.remedial.settings import Settings, check_attachments
from shared.clock import Clock
from shared.events import Event, TextErased, TextWritten, Topic, events_of
from shared.service import create_service

SAYS: tuple[type[Event], ...] = (*events_of(Topic.ACTIONS), *events_of(Topic.SESSIONS), TextWritten, TextErased)


def build(settings: Settings, clock: Clock | None = None) -> FastAPI:
    """The service with these settings; its time is the machine's unless a clock is given.

    AttachmentsRefusedError where files would be taken that nothing scans.
    """
    check_attachments(settings)
    made = create_service(
        name="remedial",
        settings=settings,
        events=handlers.router,
        routers=[api.router, api.loops, pages.router],
        templates=Path(__file__).parent / "templates",
        says=SAYS,
        clock=clock,
    )
    made.add_exception_handler(Refused, api.refused)
    return made


app = build(Settings())
