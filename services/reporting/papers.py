"""Papers of reporting: trends, the weekly pack of risks and issues, the monthly report to the board."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, HTTPException, Path, Query
from pydantic import BaseModel, Field, field_validator
from starlette.responses import RedirectResponse, Response

from services.reporting import reports
from services.reporting.asking import Narrowed, Now
from services.reporting.domain.board_report import (
    FROZEN,
    LONGEST,
    PASSAGES,
    FrozenFigures,
    Stage,
    for_publication,
    month_of,
)
from services.reporting.domain.filters import Day, Filters
from services.reporting.domain.trends import trends, week_start
from services.reporting.models import Report
from services.reporting.presentation import compared
from services.reporting.queries import board as reads
from services.reporting.queries import reports as papers
from services.reporting.queries.narrowing import SEES_FIGURES
from services.reporting.queries.weeks import SEES_PACKS, week_pack
from shared.access import CurrentScope, Role, allow, trail
from shared.messaging import Reading, Work
from shared.web import Form, Page, Submitted, flash, parse
from shared.working_days import local_date

router = APIRouter()

PLANS_WORKSHOPS = (Role.LEAD_AUDITOR, Role.BUSINESS_SUPPORT, Role.QA_MANAGER, Role.HEAD_OF_SERVICE)
"""Of those who read the weekly pack, who may plan a session in remedial."""

Edition = Annotated[int, Path(ge=1, le=1000)]


class Words(BaseModel):
    """The passages of a report, as written."""

    @field_validator("*", mode="before")
    @classmethod
    def storable(cls, value: object) -> object:
        """PostgreSQL takes every character but NUL, which nobody typed."""
        return value.replace("\x00", "") if isinstance(value, str) else value

    matters: str = Field(default="", max_length=LONGEST, title=PASSAGES["matters"])
    known: str = Field(default="", max_length=LONGEST, title="What we know")
    how: str = Field(default="", max_length=LONGEST, title="How we know it")
    next: str = Field(default="", max_length=LONGEST, title="What we will do next")


class Beginning(BaseModel):
    """Which report to begin."""

    programme: UUID = Field(json_schema_extra={"error": "Select a programme"})
    month: Day = Field(title="Month", json_schema_extra={"error": "Select a month"})

    @field_validator("month", mode="before")
    @classmethod
    def whole_month(cls, value: object) -> object:
        """A browser's month field says 2026-11."""
        return f"{value}-01" if isinstance(value, str) and len(value) == len("2026-11") else value


class Correction(BaseModel):
    """Why there must be another edition."""

    why: str = Field(
        max_length=500, pattern=r"^[^\x00]*$", json_schema_extra={"error": "Enter what is corrected, and why"}
    )


@router.get("/reporting/trends", dependencies=[allow(*SEES_FIGURES)])
async def show_trends(page: Page, scope: CurrentScope, session: Reading, filters: Narrowed, now: Now) -> Response:
    """How the figures move from week to week."""
    unbounded = filters.model_copy(update={"since": None, "until": None})
    facts = await reads.facts_for(session, scope, unbounded, now)
    programme = await reads.programme_of(session, scope, filters)
    first = min((audit.sampled_on for audit in facts.audits), default=None)
    opened = programme.opens_on if programme is not None and programme.opens_on is not None else first
    return page(
        "reporting/trends.html",
        title="Trends",
        trends=trends(facts, opened) if opened is not None else [],
        programme=programme,
        filters=filters,
    )


@router.get("/reporting/weeks", dependencies=[allow(*SEES_PACKS)])
async def this_week(now: Now) -> Response:
    """The pack of the week that is running."""
    return RedirectResponse(f"/reporting/weeks/{week_start(local_date(now)).isoformat()}", status_code=303)


@router.get("/reporting/weeks/{monday}", dependencies=[allow(*SEES_PACKS)])
async def one_week(
    page: Page, scope: CurrentScope, session: Reading, monday: Day, filters: Narrowed, now: Now
) -> Response:
    """Risks and issues of one week, for the meeting."""
    if monday != week_start(monday) or monday > local_date(now):
        raise HTTPException(404)
    whole = filters.model_copy(update={"since": None, "until": None})
    return page(
        "reporting/week.html",
        title="Weekly pack",
        pack=await week_pack(session, scope, whole, monday, now),
        monday=monday,
        sunday=monday + timedelta(days=6),
        earlier=monday - timedelta(days=7),
        later=monday + timedelta(days=7) if monday + timedelta(days=7) <= local_date(now) else None,
        names=await reads.theme_names(session, scope),
        may_plan=scope.has(*PLANS_WORKSHOPS),
    )


@router.get("/reporting/reports", dependencies=[allow(*papers.READS)])
async def all_reports(page: Page, scope: CurrentScope, session: Reading, now: Now) -> Response:
    """Every report that this person may see, and where a new one begins."""
    return await _list(page, scope, session, now, Form())


async def _list(page: Page, scope: CurrentScope, session: Reading, now: Now, form: Form[Beginning]) -> Response:
    return page(
        "reporting/reports.html",
        title="Reports to the board",
        status=422 if form.errors else 200,
        reports=await papers.reports(session, scope),
        programmes=await reads.programmes(session, scope),
        names={each.programme_id: each.name for each in await reads.programmes(session, scope)},
        may_draft=scope.has(*papers.DRAFTS),
        this_month=f"{month_of(local_date(now)):%Y-%m}",
        form=form,
    )


@router.post("/reporting/reports", dependencies=[allow(*papers.DRAFTS)])
async def begin_report(page: Page, scope: CurrentScope, work: Work, submitted: Submitted, now: Now) -> Response:
    """Begin the report of a month, or go on with it where it is begun."""
    form = parse(Beginning, submitted)
    programmes = {each.programme_id for each in await reads.programmes(work.session, scope)}
    if form.data is not None and form.data.programme not in programmes:
        form.refuse("programme", "Select a programme")
    if form.data is not None and form.data.month > local_date(now):
        form.refuse("month", "Month must not be in the future")
    if form.data is None or not form.is_valid:
        return await _list(page, scope, work.session, now, form)
    held = await reports.begin(work.session, scope, form.data.programme, month_of(form.data.month), now)
    return RedirectResponse(_address(held), status_code=303)


@router.get("/reporting/reports/latest", dependencies=[allow(*papers.READS)])
async def latest_report(scope: CurrentScope, session: Reading) -> Response:
    """The report that the board reads now; the list where there is none."""
    held = await papers.latest(session, scope)
    return RedirectResponse(_address(held) if held else "/reporting/reports", status_code=303)


@router.get("/reporting/reports/{report_id}/{edition}", dependencies=[allow(*papers.READS)])
async def one_report(
    *,
    page: Page,
    scope: CurrentScope,
    session: Reading,
    report_id: UUID,
    edition: Edition,
    now: Now,
    reader: Annotated[str, Query(alias="for", max_length=16)] = "board",
) -> Response:
    """One edition: as the board reads it, or with small counts hidden as it may be published outside."""
    held = _found(await papers.report(session, scope, report_id, edition))
    figures = await _figures(session, scope, held, now)
    return page(
        "reporting/report.html",
        title="Report to the board",
        report=held,
        rows=compared(figures),
        themes=figures.themes,
        public=for_publication(figures.themes) if reader == "publication" else None,
        passages=PASSAGES,
        editions=await papers.editions(session, scope, report_id),
        programme=await reads.programme_of(session, scope, Filters(programme=held.programme_id)),
        may_draft=scope.has(*papers.DRAFTS),
        may_publish=scope.has(*papers.PUBLISHES),
    )


async def _figures(session: Reading, scope: CurrentScope, held: Report, now: Now) -> FrozenFigures:
    """Frozen where published; as they stand now in a draft."""
    if held.figures is not None:
        return FROZEN.validate_python(held.figures)
    return await papers.figures_of(session, scope, held, now)


@router.get("/reporting/reports/{report_id}/{edition}/edit", dependencies=[allow(*papers.DRAFTS)])
async def edit_report(page: Page, scope: CurrentScope, session: Reading, report_id: UUID, edition: Edition) -> Response:
    """The words of a draft."""
    held = _draft(await papers.report(session, scope, report_id, edition))
    return page("reporting/edit.html", title="Write the report", report=held, passages=PASSAGES, form=Form(held.words))


@router.post("/reporting/reports/{report_id}/{edition}/edit", dependencies=[allow(*papers.DRAFTS)])
async def write_report(
    *, page: Page, scope: CurrentScope, work: Work, report_id: UUID, edition: Edition, submitted: Submitted
) -> Response:
    """Keep the words of a draft."""
    held = _draft(await papers.report(work.session, scope, report_id, edition, lock=True))
    form = parse(Words, submitted)
    if form.data is None:
        return page(
            "reporting/edit.html", title="Write the report", status=422, report=held, passages=PASSAGES, form=form
        )
    await reports.write(work.session, scope, held, form.data.model_dump())
    return _told(held, "Saved.")


@router.post("/reporting/reports/{report_id}/{edition}/publish", dependencies=[allow(Role.QA_MANAGER)])
async def publish_report(scope: CurrentScope, work: Work, report_id: UUID, edition: Edition, now: Now) -> Response:
    """Freeze the figures and give it to the board."""
    held = _found(await papers.report(work.session, scope, report_id, edition, lock=True))
    try:
        work.record(*await reports.publish(work.session, scope, held, now))
    except reports.SettledError:
        return _told(held, "It was published already.")
    await trail.record(work.session, scope, "publish", f"report {report_id}/{edition}")
    return _told(held, "Published. Its figures do not change any more.")


@router.post("/reporting/reports/{report_id}/{edition}/correct", dependencies=[allow(Role.QA_MANAGER)])
async def correct_report(
    *, scope: CurrentScope, work: Work, report_id: UUID, edition: Edition, submitted: Submitted, now: Now
) -> Response:
    """Begin the next edition, saying why."""
    held = _found(await papers.report(work.session, scope, report_id, edition, lock=True))
    form = parse(Correction, submitted)
    if form.data is None:
        return _told(held, "Not corrected: say what is corrected, and why.")
    try:
        draft = await reports.correct(work.session, scope, held, form.data.why, now)
    except reports.SettledError:
        return _told(held, "A newer edition exists already.")
    return RedirectResponse(f"{_address(draft)}/edit", status_code=303)


def _found(held: Report | None) -> Report:
    if held is None:
        raise HTTPException(404)
    return held


def _draft(held: Report | None) -> Report:
    """A published edition has no words to change: its form is not there."""
    if held is None or held.stage != Stage.DRAFT:
        raise HTTPException(404)
    return held


def _address(held: Report) -> str:
    return f"/reporting/reports/{held.report_id}/{held.edition}"


def _told(held: Report, message: str) -> Response:
    response = RedirectResponse(_address(held), status_code=303)
    flash(response, message)
    return response
