"""Intake's pages for business support and the QA manager: feeds, uploads, quarantine, unmatched staff, one story."""

from fastapi import APIRouter

from services.intake.pages import home, quarantine, story, unmatched, uploads

router = APIRouter(include_in_schema=False)
for one in (home, uploads, quarantine, unmatched, story):
    router.include_router(one.router)
