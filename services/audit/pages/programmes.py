"""Programmes: targets against what is done, by theme, week and auditor; a new one, or a new version, from its file."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.audit import opening
from services.audit.domain.programme_file import ProgrammeError
from services.audit.domain.readiness import HANDOVER, MOBILISATION, is_known
from services.audit.models import ProgrammeRow, ProgrammeVersion, Readiness
from services.audit.pages.asking import PLANNERS, WATCHERS, Now, found
from services.audit.queries.programmes import programme_rows, progress, readiness
from services.audit.settings import Settings
from shared.access import CurrentScope, Role
from shared.messaging import Reading, Work
from shared.web.flash import flash
from shared.web.forms import Form, Submitted
from shared.web.once import SENT_ALREADY
from shared.web.pages import Page
from shared.working_days import local_date

router = APIRouter(prefix="/audit/programmes")
TEMPLATES = Path(__file__).parent.parent / "programmes"


def settings_of(request: Request) -> Settings:
    """The service's settings."""
    settings: Settings = request.app.state.service.settings
    return settings


Deployed = Annotated[Settings, Depends(settings_of)]


@router.get("", dependencies=WATCHERS)
async def programmes(page: Page, scope: CurrentScope, session: Reading) -> HTMLResponse:
    """Every programme, the newest first."""
    return page(
        "audit/programmes.html",
        title="Programmes",
        rows=await programme_rows(session, scope),
        may_plan=scope.has(Role.QA_MANAGER),
        may_refer=scope.has(Role.QA_MANAGER, Role.HEAD_OF_SERVICE),
    )


def template_names() -> list[str]:
    """The templates that come with Caseloop."""
    return sorted(path.stem for path in TEMPLATES.glob("*.yaml"))


@router.get("/new", dependencies=PLANNERS)
async def ask_programme(
    page: Page,
    session: Reading,
    template: Annotated[str, Query(max_length=64)] = "",
    of: UUID | None = None,
) -> HTMLResponse:
    """Write a programme: from a template, or from the version in force."""
    source = await _newest_source(session, of) if of else _template(template)
    return page(
        "audit/programme_new.html",
        title="Open a programme" if of is None else "A new version of the programme",
        form=Form(values={"source": source}),
        problems=(),
        templates=template_names(),
    )


def _template(name: str) -> str:
    return (TEMPLATES / f"{name}.yaml").read_text() if name in template_names() else ""


async def _newest_source(session: AsyncSession, programme_id: UUID) -> str:
    newest = await session.execute(
        sa.select(col(ProgrammeVersion.source))
        .where(col(ProgrammeVersion.programme_id) == programme_id)
        .order_by(col(ProgrammeVersion.number).desc())
        .limit(1)
    )
    return found(newest.scalar_one_or_none())


@router.post("/new", dependencies=PLANNERS)
async def open_programme(
    page: Page, scope: CurrentScope, work: Work, now: Now, deployed: Deployed, fields: Submitted
) -> Response:
    """Bring what was written into force, or say line by line what is wrong with it."""
    source = str(fields.get("source", "")).replace("\r\n", "\n")
    try:
        plan, events = await opening.open_programme(
            work.session, source, council=deployed.council, secret=deployed.seed_secret(), by=scope.person_id, at=now
        )
    except ProgrammeError as refused:
        if (opened := await opening.opened_with(work.session, source, by=scope.person_id)) is not None:
            return _on(opened, SENT_ALREADY)
        return page(
            "audit/programme_new.html",
            title="Open a programme",
            status=422,
            form=Form(values={"source": source}, errors={"source": str(refused.problems[0])}),
            problems=refused.problems,
            templates=template_names(),
        )
    work.record(*events)
    return _on(plan.programme_id, f"{plan.name}, version {plan.version}, is in force.")


def _on(programme_id: UUID, message: str) -> Response:
    response = RedirectResponse(f"/audit/programmes/{programme_id}", 303)
    flash(response, message)
    return response


@router.get("/{programme_id}", dependencies=WATCHERS)
async def programme(programme_id: UUID, page: Page, scope: CurrentScope, session: Reading, now: Now) -> HTMLResponse:
    """How one programme stands."""
    standing = found(await progress(session, scope, programme_id, local_date(now)))
    return page(
        "audit/programme.html",
        title=standing.plan.name,
        progress=standing,
        today=local_date(now),
        ticked=await readiness(session, scope, programme_id),
        mobilisation=MOBILISATION,
        handover=HANDOVER,
        may_plan=scope.has(Role.QA_MANAGER),
    )


@router.post("/{programme_id}/ready", dependencies=PLANNERS)
async def tick(programme_id: UUID, scope: CurrentScope, work: Work, now: Now, fields: Submitted) -> Response:
    """Tick an item of the checklist, with a word on how it was done."""
    item, note = str(fields.get("item", "")), str(fields.get("note", "")).strip()[:500]
    found(await work.session.get(ProgrammeRow, programme_id))
    found(item if is_known(item) else None)
    await work.session.merge(
        Readiness(programme_id=programme_id, item=item, ticked_by=scope.person_id, ticked_at=now, note=note)
    )
    response = RedirectResponse(f"/audit/programmes/{programme_id}#ready", 303)
    flash(response, "The checklist is up to date.")
    return response
