"""People, roles and teams, for administrators. Every change is an event that all services hear within seconds."""

from datetime import datetime
from typing import Annotated, TypeVar

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.intake import people_changes as changes
from shared.access import Role, allow, people
from shared.access.scope import Deployment
from shared.events import Event, TeamKind
from shared.messaging import Reading, Work
from shared.web import Form, Page, PageMaker, Submitted, flash, parse
from shared.web.filters import role_name, sentence
from shared.web.once import SENT_ALREADY
from shared.working_days import local_date

FormModel = TypeVar("FormModel", bound=BaseModel)

router = APIRouter(include_in_schema=False, dependencies=[allow(Role.ADMINISTRATOR)])

PAGE_SIZE = 50
ROLES = [(role.value, role_name(role.value)) for role in Role]
KINDS = [(kind.value, sentence(kind.value)) for kind in TeamKind]
LAST_ADMINISTRATOR = "Somebody must stay administrator: give the role to somebody else first"


@router.get("/intake/people")
async def everybody(
    page: Page,
    session: Reading,
    q: Annotated[str, Query(max_length=100)] = "",
    role: Annotated[str, Query(max_length=40)] = "",
    number: Annotated[int, Query(alias="page", ge=1, le=10_000)] = 1,
) -> HTMLResponse:
    """Everybody, narrowed by a part of the name or id and by role, fifty at a time."""
    found = [person for person in await people.people(session, active_only=False) if _is_wanted(person, q, role)]
    first = (number - 1) * PAGE_SIZE
    return page(
        "intake/people.html",
        title="People and roles",
        people=found[first : first + PAGE_SIZE],
        total=len(found),
        number=number,
        pages=-(-len(found) // PAGE_SIZE),
        q=q,
        role=role,
        roles=ROLES,
    )


@router.get("/intake/people/new")
async def ask_for_person(page: Page, session: Reading) -> HTMLResponse:
    """An empty form."""
    return await _person_page(page, session, Form(), None)


@router.post("/intake/people/new")
async def add_person(page: Page, work: Work, submitted: Submitted, request: Request) -> Response:
    """Record somebody new."""
    form = parse(changes.NewPersonForm, submitted)
    await _check_choices(work.session, form)
    if form.is_valid and form.data is not None:
        now = _now(request)
        added = await changes.add_person(work.session, form.data, now, local_date(now))
        if added is not None:
            return _recorded(work, added, "/intake/people", f"{added.name} was added")
        if await changes.stands_as_said(work.session, form.data, now, local_date(now)):
            return _back("/intake/people", SENT_ALREADY)
        form.refuse("person_id", "Somebody has this worker id already")
    return await _person_page(page, work.session, form, None)


@router.get("/intake/people/{person_id}")
async def show_person(page: Page, session: Reading, person_id: str) -> HTMLResponse:
    """One person's roles and teams, to change."""
    person = await people.person(session, person_id)
    if person is None:
        raise HTTPException(404)
    return await _person_page(page, session, _form_of(person), person)


@router.post("/intake/people/{person_id}")
async def change_person(page: Page, work: Work, submitted: Submitted, request: Request, person_id: str) -> Response:
    """Change one person's roles and teams."""
    person = await people.person(work.session, person_id)
    if person is None:
        raise HTTPException(404)
    form = parse(changes.PersonForm, submitted)
    await _check_choices(work.session, form)
    if form.is_valid and form.data is not None:
        now = _now(request)
        try:
            changed = await changes.change_person(work.session, person_id, form.data, now, local_date(now))
        except changes.LastAdministratorError:
            form.refuse("roles", LAST_ADMINISTRATOR)
        else:
            return _recorded(work, changed, "/intake/people", f"{form.data.name} was changed")
    return await _person_page(page, work.session, form, person)


@router.get("/intake/people/{person_id}/deactivate")
async def ask_to_deactivate(page: Page, session: Reading, person_id: str) -> HTMLResponse:
    """What taking somebody out means, before it is done."""
    person = await people.person(session, person_id)
    if person is None or not person.active:
        raise HTTPException(404)
    return page(
        "caseloop/confirm.html",
        title="Deactivate",
        question=f"Deactivate {person.name}?",
        text="They are signed out everywhere within seconds and cannot sign in. What they did stays, with their name.",
        action=f"/intake/people/{person_id}/deactivate",
        button="Deactivate",
        cancel=f"/intake/people/{person_id}",
        danger=True,
    )


@router.post("/intake/people/{person_id}/deactivate")
async def deactivate(work: Work, request: Request, person_id: str) -> Response:
    """Take somebody out."""
    try:
        changed = await changes.set_active(work.session, person_id, False, _now(request))
    except changes.LastAdministratorError:
        return _back(f"/intake/people/{person_id}", LAST_ADMINISTRATOR)
    return _recorded(work, changed, "/intake/people", "They were deactivated and signed out everywhere")


@router.post("/intake/people/{person_id}/reactivate")
async def reactivate(work: Work, request: Request, person_id: str) -> Response:
    """Let somebody back in."""
    changed = await changes.set_active(work.session, person_id, True, _now(request))
    return _recorded(work, changed, f"/intake/people/{person_id}", "They can sign in again")


@router.post("/intake/people/{person_id}/sign-out")
async def sign_out(work: Work, request: Request, person_id: str) -> Response:
    """End every session of one person."""
    changed = await changes.sign_out_everywhere(work.session, person_id, _now(request))
    return _recorded(work, changed, f"/intake/people/{person_id}", "They were signed out everywhere")


@router.get("/intake/teams")
async def every_team(page: Page, session: Reading) -> HTMLResponse:
    """The teams and what they do."""
    return page("intake/teams.html", title="Teams", teams=await people.teams(session))


@router.get("/intake/teams/new")
async def ask_for_team(page: Page) -> HTMLResponse:
    """An empty form."""
    return _team_page(page, Form(), None)


@router.post("/intake/teams/new")
async def add_team(page: Page, work: Work, submitted: Submitted, request: Request) -> Response:
    """Record a new team."""
    form = parse(changes.NewTeamForm, submitted)
    if form.is_valid and form.data is not None:
        added = await changes.keep_team(work.session, form.data.team_id, form.data, _now(request), new=True)
        if added is not None:
            return _recorded(work, added, "/intake/teams", f"{added.name} was added")
        if await changes.team_stands_as_said(work.session, form.data):
            return _back("/intake/teams", SENT_ALREADY)
        form.refuse("team_id", "A team has this id already")
    return _team_page(page, form, None)


@router.get("/intake/teams/{team_id}")
async def show_team(page: Page, session: Reading, team_id: str) -> HTMLResponse:
    """One team, to change."""
    team = await people.team(session, team_id)
    if team is None:
        raise HTTPException(404)
    return _team_page(page, Form(values={"name": team.name, "kind": team.kind, "service": team.service}), team)


@router.post("/intake/teams/{team_id}")
async def change_team(page: Page, work: Work, submitted: Submitted, request: Request, team_id: str) -> Response:
    """Change one team."""
    team = await people.team(work.session, team_id)
    if team is None:
        raise HTTPException(404)
    form = parse(changes.TeamForm, submitted)
    if not form.is_valid or form.data is None:
        return _team_page(page, form, team)
    changed = await changes.keep_team(work.session, team_id, form.data, _now(request), new=False)
    return _recorded(work, changed, "/intake/teams", f"{form.data.name} was changed")


def _is_wanted(person: people.Person, q: str, role: str) -> bool:
    words = f"{person.name} {person.person_id}".casefold()
    return q.casefold().strip() in words and (not role or role in person.roles)


def _form_of(person: people.Person) -> Form[changes.PersonForm]:
    """The form as the person stands."""
    return Form(
        values={
            "name": person.name,
            "email": person.email or "",
            "roles": sorted(person.roles),
            "teams": [held.team_id for held in person.memberships if held.until is None],
            "manages": sorted(person.manages),
            "services": sorted(person.services),
        }
    )


async def _check_choices(session: AsyncSession, form: Form[FormModel]) -> None:
    """Refuse teams and services that do not exist: a typing program could send any."""
    teams = await people.teams(session)
    known = {team.team_id for team in teams}
    services = {team.service for team in teams}
    for name, allowed in (("teams", known), ("manages", known), ("services", services)):
        if not allowed.issuperset(form.chosen(name)):
            form.refuse(name, "Choose from the list")


async def _person_page(
    page: PageMaker, session: AsyncSession, form: Form[FormModel], person: people.Person | None
) -> HTMLResponse:
    teams = await people.teams(session)
    return page(
        "intake/person.html",
        title=person.name if person else "Add a person",
        status=422 if form.errors else 200,
        form=form,
        person=person,
        roles=ROLES,
        teams=[(team.team_id, team.name) for team in teams],
        services=sorted({(team.service, team.service) for team in teams if team.service}),
    )


def _team_page(page: PageMaker, form: Form[FormModel], team: people.Team | None) -> HTMLResponse:
    return page(
        "intake/team.html",
        title=team.name if team else "Add a team",
        status=422 if form.errors else 200,
        form=form,
        team=team,
        kinds=KINDS,
    )


def _recorded(work: Work, event: Event | None, address: str, message: str) -> Response:
    """Send the event with this transaction and go on; 404 where there was nobody to change."""
    if event is None:
        raise HTTPException(404)
    work.record(event)
    return _back(address, message)


def _back(address: str, message: str) -> Response:
    response = RedirectResponse(address, status_code=303)
    flash(response, message)
    return response


def _now(request: Request) -> datetime:
    deployment: Deployment = request.app.state.service
    return deployment.clock.now()
