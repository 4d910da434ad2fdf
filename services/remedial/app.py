"""Remedial: findings become finished work, and the loop is seen to close. Wiring only."""

from pathlib import Path

from shared.service import create_service

from services.remedial import api, handlers, pages
from services.remedial.settings import Settings

app = create_service(
    name="remedial",
    settings=Settings(),
    events=handlers.router,
    routers=[api.router, pages.router],
    templates=Path(__file__).parent / "templates",
)
