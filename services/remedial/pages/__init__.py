"""Pages of remedial: lists by who looks, one action's life, and the forms that move it."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from services.remedial.pages import (
    action,
    attachments,
    board,
    buttons,
    forms,
    holidays,
    leave,
    messages,
    mine,
    reasons,
    sessions,
    several,
    team,
    verify,
)

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)
for part in (
    mine,
    team,
    board,
    verify,
    messages,
    sessions,
    several,
    holidays,
    leave,
    forms,
    reasons,
    buttons,
    attachments,
    action,
):
    router.include_router(part.router)
