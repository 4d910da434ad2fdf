"""Help and the accessibility statement: pages for everybody, signed in or not. Reporting serves them at the root."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from shared.web.pages import Page

router = APIRouter(include_in_schema=False)


@router.get("/help")
async def help_page(page: Page) -> HTMLResponse:
    """What Caseloop does, by what a person has to do."""
    return page("caseloop/help.html", title="Help")


@router.get("/accessibility")
async def accessibility(page: Page) -> HTMLResponse:
    """The statement that public-sector pages must carry."""
    return page("caseloop/accessibility.html", title="Accessibility statement")
