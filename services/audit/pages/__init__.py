"""Pages of audit: the inbox, the form and the audit as completed, programmes, and why a case was drawn or not."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from services.audit.pages import (
    assessments,
    audit,
    concerns,
    inbox,
    moves,
    programmes,
    re_audits,
    referrals,
    replies,
    siblings,
)

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)
for part in (inbox, moves, siblings, concerns, referrals, replies, re_audits, audit, programmes, assessments):
    router.include_router(part.router)
