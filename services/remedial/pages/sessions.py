"""Support sessions: the calendar, one session, planning one, counting them by manager and week."""

import csv
import io
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, Response

from services.remedial import queries, support
from services.remedial.domain.support import NAMES, Kind, State, meetings_by_manager_and_week
from services.remedial.invitation import invitation
from services.remedial.models import Action, SupportSession
from services.remedial.pages.answering import done
from services.remedial.pages.asking import (
    COUNTERS,
    PLANNERS,
    SESSION_GOERS,
    WHO_COUNTS,
    WHO_PLANS,
    Looking,
    Visit,
    Visiting,
)
from services.remedial.queries import Filters
from services.remedial.support import Plan, Said
from shared.access import people, trail
from shared.clock import LONDON
from shared.messaging import Reading
from shared.web.filters import sentence, short_date
from shared.web.forms import Form, Submitted, parse
from shared.web.once import form_id
from shared.web.pages import Page
from shared.working_days import local_date

router = APIRouter(prefix="/remedial/sessions", dependencies=SESSION_GOERS)
HOME = "/remedial/sessions"
PLANNED = "Planned. Everybody invited is told."
ENTERED = "Entered. Say below who was there, so that it counts."
WEEKS = 8
"""Weeks in the table of meetings, so that it fits on a page."""

Code = Annotated[str, Query(max_length=64)]


class PlanForm(BaseModel):
    """What somebody plans."""

    kind: Kind = Field(json_schema_extra={"error": "Select what kind of session it is"})
    day: date = Field(title="Day", json_schema_extra={"error": "Enter the day"})
    at: time = Field(title="Time", json_schema_extra={"error": "Enter the time, like 14:30"})
    minutes: int = Field(default=60, title="How long it takes", ge=5, le=600)
    attendees: tuple[str, ...] = Field(min_length=1, json_schema_extra={"error": "Select who is invited"})
    team: str = Field(default="", max_length=64)
    actions: tuple[UUID, ...] = Field(default=(), max_length=50)
    domains: tuple[Annotated[str, Field(max_length=64)], ...] = Field(default=(), max_length=30)
    themes: tuple[Annotated[str, Field(max_length=64)], ...] = Field(default=(), max_length=30)
    domain: str = Field(default="", title="Something else", max_length=64)
    pattern: UUID | None = None


class HeldForm(BaseModel):
    """What came of it."""

    attendees: tuple[str, ...] = Field(min_length=1, json_schema_extra={"error": "Select who was there"})
    reflection: str = Field(default="", title="What was said", max_length=4000)
    change: str = Field(default="", title="What will change", max_length=2000)
    shared: bool = False


@dataclass(frozen=True)
class Choices:
    """Whom a planner may invite, the people of one team, and what of the team's open actions it may be about."""

    team: str
    teams: list[tuple[str, str]]
    people: list[tuple[str, ...]]
    actions: list[tuple[str, str]]
    domains: list[tuple[str, str]]
    themes: list[tuple[str, str]]


@router.get("")
async def calendar(page: Page, look: Looking, session: Reading) -> HTMLResponse:
    """What is planned and what was held."""
    return page(
        "remedial/sessions.html",
        title="Support sessions",
        upcoming=await support.upcoming(session, look.scope),
        past=await support.past(session, look.scope, look.number),
        number=look.number,
        kinds=NAMES,
        may_plan=look.scope.has(*WHO_PLANS),
        may_count=look.scope.has(*WHO_COUNTS),
    )


@router.get("/new", dependencies=PLANNERS)
async def new(visit: Visiting, team: Code = "", pattern: UUID | None = None) -> Response:
    """Plan one; with a pattern, a workshop already filled in."""
    found = await support.pattern(visit.work.session, visit.scope, pattern)
    values: dict[str, str | list[str]] = {"pattern": str(pattern or "")}
    if found:
        values |= {"kind": Kind.WORKSHOP, "domains": [found.domain]}
    return await _plan_page(visit, Form(values=values), found.team_id if found else team)


@router.post("", dependencies=PLANNERS)
async def plan(visit: Visiting, submitted: Submitted) -> Response:
    """Plan it, and invite everybody."""
    form = parse(PlanForm, submitted)
    if (said := form.data) is not None:
        session_id = form_id(submitted)
        planned = _plan_of(said)
        make = partial(support.plan, visit.work.session, visit.by, session_id, planned)
        told = PLANNED if planned.starts_at > visit.now else ENTERED
        if answer := await done(visit, form, make, _page_of(session_id), told, field="kind"):
            return answer
    return await _plan_page(visit, form, form.value("team"))


def _plan_of(said: PlanForm) -> Plan:
    return Plan(
        kind=said.kind,
        team_id=said.team or None,
        attendees=said.attendees,
        starts_at=datetime.combine(said.day, said.at, LONDON),
        minutes=said.minutes,
        domains=tuple(dict.fromkeys((*said.domains, *([said.domain] if said.domain else [])))),
        themes=said.themes,
        actions=said.actions,
        pattern_id=said.pattern,
    )


async def _plan_page(visit: Visit, form: Form[PlanForm], team: str) -> Response:
    teams = [(each.team_id, each.name) for each in await people.teams(visit.work.session)]
    chosen = team or next(iter(sorted(visit.scope.teams)), teams[0][0] if teams else "")
    return visit.page(
        "remedial/session_new.html",
        title="Plan a support session",
        status=422 if form.errors else 200,
        form=form,
        kinds=list(NAMES.items()),
        choices=await _choices(visit, chosen, teams, form.chosen("domains")),
    )


async def _choices(visit: Visit, team: str, teams: list[tuple[str, str]], named: Collection[str]) -> Choices:
    session, today, names = visit.work.session, local_date(visit.now), visit.page.names.people
    listed = await queries.listed(session, visit.scope, [*Filters(team=team).within(), queries.IS_OPEN])
    themes = await queries.theme_names(session, visit.scope)
    able = [
        each
        for each in await people.people(session)
        if (team in each.teams_on(today) or team in each.manages) and each.person_id != visit.scope.person_id
    ]
    without = await support.never_offered(session, visit.scope, [each.person_id for each in able])
    return Choices(
        team=team,
        teams=teams,
        people=[
            (each.person_id, each.name, *(["Not yet offered a session"] if each.person_id in without else []))
            for each in able
        ],
        actions=[(str(each.action_id), _named(each, names)) for each in listed.actions],
        domains=[(each, sentence(each)) for each in sorted({*named, *(each.domain for each in listed.actions)})],
        themes=[(each, themes.get(each, each)) for each in sorted({each.theme_id for each in listed.actions})],
    )


def _named(action: Action, names: Mapping[str, str]) -> str:
    owner = names.get(action.owner_id or "", "nobody yet")
    return f"{sentence(action.domain)}: {owner}, due {short_date(action.due_on)}"


@router.get("/counts", dependencies=COUNTERS)
async def counts(page: Page, look: Looking, session: Reading) -> HTMLResponse:
    """Meetings with managers, by manager and week, and who has not had one."""
    counted = meetings_by_manager_and_week(await support.meetings(session, look.scope))
    return page(
        "remedial/session_counts.html",
        title="Meetings with managers",
        counted=counted,
        weeks=sorted({week for _, week in counted})[-WEEKS:],
        managers=sorted({manager for manager, _ in counted}),
        in_all=Counter(manager for manager, _ in counted.elements()),
        has_more=len({week for _, week in counted}) > WEEKS,
        without=await support.managers_without(session, look.scope),
    )


@router.get("/mine.csv")
async def own_record(visit: Visiting) -> Response:
    """One's own sessions and reflections, for one's professional registration; the export leaves a trace."""
    await trail.record(visit.work.session, visit.scope, "sessions export", visit.scope.person_id)
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["Date", "Kind", "Minutes", "Led by me", "About", "What was said", "What will change"])
    for held, said in await support.own_record(visit.work.session, visit.scope):
        row = [str(local_date(held.starts_at)), NAMES[Kind(held.kind)], str(held.minutes)]
        row += ["yes" if held.leader_id == visit.scope.person_id else "no", ", ".join(held.domains)]
        writer.writerow([_safe(cell) for cell in [*row, said["reflection"], said["change"]]])
    headers = {"Content-Disposition": 'attachment; filename="my-sessions.csv"', "Cache-Control": "no-store"}
    return Response("\ufeff" + written.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell


@router.get("/{session_id}")
async def one(session_id: UUID, visit: Visiting) -> Response:
    """One session; what was said, for whoever was there, or for all who see it where it is shared."""
    return await _one_page(visit, await _found(visit, session_id), Form())


@router.get("/{session_id}/invitation.ics")
async def as_calendar(session_id: UUID, visit: Visiting) -> Response:
    """For one's own calendar."""
    held = await _found(visit, session_id)
    origin: str = visit.request.app.state.service.settings.origin
    headers = {"Content-Disposition": f'attachment; filename="{held.session_id}.ics"'}
    leader = await people.person(visit.work.session, held.leader_id)
    said = invitation(held, origin, visit.now, leader)
    return Response(said, media_type="text/calendar; charset=utf-8", headers=headers)


@router.post("/{session_id}/held", dependencies=PLANNERS)
async def held(session_id: UUID, visit: Visiting, submitted: Submitted) -> Response:
    """It was held: who was there, what was said, what will change."""
    found, form = await _own(visit, session_id), parse(HeldForm, submitted)
    if (said := form.data) is not None:
        told = Said(said.attendees, said.reflection, said.change, said.shared)
        make = partial(support.hold, visit.work.session, visit.by, session_id, told)
        if answer := await done(visit, form, make, _page_of(session_id), "Recorded as held.", field="attendees"):
            return answer
    return await _one_page(visit, found, form)


@router.post("/{session_id}/cancel", dependencies=PLANNERS)
async def cancel(session_id: UUID, visit: Visiting, submitted: Submitted) -> Response:
    """It will not happen."""
    found, form = await _own(visit, session_id), Form[HeldForm](submitted)
    make = partial(support.cancel, visit.work.session, visit.by, session_id)
    answer = await done(visit, form, make, _page_of(session_id), "Cancelled.", field="attendees")
    return answer or await _one_page(visit, found, Form(errors=form.errors))


async def _found(visit: Visit, session_id: UUID) -> SupportSession:
    found = await support.one(visit.work.session, visit.scope, session_id)
    if found is None:
        raise HTTPException(404)
    return found


async def _own(visit: Visit, session_id: UUID) -> SupportSession:
    found = await _found(visit, session_id)
    if not support.is_ones_own(visit.scope, found):
        raise HTTPException(404)
    return found


async def _one_page(visit: Visit, found: SupportSession, form: Form[HeldForm]) -> Response:
    names = visit.page.names.people
    return visit.page(
        "remedial/session.html",
        title=NAMES[Kind(found.kind)],
        status=422 if form.errors else 200,
        held=found,
        form=form if form.values else Form(values={"attendees": list(found.attendees)}, errors=form.errors),
        said=await support.reflections(visit.work.session, visit.scope, found),
        attendees=[(each, names.get(each, each)) for each in found.attendees],
        themes=await queries.theme_names(visit.work.session, visit.scope),
        actions=[
            (each.action_id, _named(each, names))
            for each in await support.linked(visit.work.session, visit.scope, found.actions)
        ],
        may_settle=found.state == State.PLANNED and support.is_ones_own(visit.scope, found),
        has_begun=found.starts_at <= visit.now,
    )


def _page_of(session_id: UUID) -> str:
    return f"{HOME}/{session_id}"
