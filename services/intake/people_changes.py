"""Changes of people and teams by hand: each locks the row, brings it to its next version and returns the event."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated

import sqlalchemy as sa
from msgspec import structs
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncSession

from shared.access import people
from shared.access.tables import PERSON, TEAM
from shared.events import PersonRecorded, Role, TeamKind, TeamMembership, TeamRecorded

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
"""Safe in an address, and what case management systems call a worker."""


class PersonForm(BaseModel):
    """What an administrator may say about a person."""

    name: str = Field(title="A name", max_length=100)
    email: str | None = Field(default=None, title="Email address", max_length=200, pattern=r"^[^@\s]+@[^@\s]+$")
    roles: list[Role] = Field(default=[], title="Roles")
    teams: list[str] = Field(default=[], title="Teams", max_length=50)
    manages: list[str] = Field(default=[], title="Teams managed", max_length=50)
    services: list[str] = Field(default=[], title="Services", max_length=20)


class NewPersonForm(PersonForm):
    """The same, with the id that the case management system knows them by."""

    person_id: Identifier = Field(title="Worker id")


class TeamForm(BaseModel):
    """What an administrator may say about a team."""

    name: str = Field(title="A name", max_length=100)
    kind: TeamKind = Field(title="What the team does")
    service: str = Field(default="", title="Service", max_length=100)


class NewTeamForm(TeamForm):
    """The same, with the id that the case management system knows it by."""

    team_id: Identifier = Field(title="Team id")


class LastAdministratorError(ValueError):
    """Nobody would be left who can give roles."""


async def add_person(session: AsyncSession, form: NewPersonForm, now: datetime, today: date) -> PersonRecorded | None:
    """Record somebody new; None where the id is taken."""
    if await _locked(session, form.person_id) is not None:
        return None
    return await _record(session, _described(form, form.person_id, (), now, today))


async def stands_as_said(session: AsyncSession, form: NewPersonForm, now: datetime, today: date) -> bool:
    """Whether somebody is recorded just as the form says: it was sent already."""
    person = await people.person(session, form.person_id)
    if person is None or not person.active or person.teams_on(today) != set(form.teams):
        return False
    said, held = _described(form, form.person_id, (), now, today), _as_is(person, now)
    return all(getattr(held, each) == getattr(said, each) for each in ("name", "email", "roles", "manages", "services"))


async def change_person(
    session: AsyncSession, person_id: str, form: PersonForm, now: datetime, today: date
) -> PersonRecorded | None:
    """Say anew who somebody is; None where nobody is. Whoever loses a role loses their sessions with it."""
    person = await _locked(session, person_id)
    if person is None:
        return None
    if Role.ADMINISTRATOR not in form.roles:
        await _keep_an_administrator(session, person)
    recorded = _described(form, person_id, person.memberships, now, today)
    lost = person.roles - set(recorded.roles) or person.manages - set(recorded.manages)
    return await _record(
        session,
        structs.replace(recorded, version=person.version + 1, active=person.active, epoch=person.epoch + bool(lost)),
    )


async def set_active(session: AsyncSession, person_id: str, active: bool, now: datetime) -> PersonRecorded | None:
    """Take somebody out, or back in; None where nobody is. Sessions end with it."""
    person = await _locked(session, person_id)
    if person is None:
        return None
    if not active:
        await _keep_an_administrator(session, person)
    changed = structs.replace(_as_is(person, now), active=active, epoch=person.epoch + 1)
    return await _record(session, changed)


async def sign_out_everywhere(session: AsyncSession, person_id: str, now: datetime) -> PersonRecorded | None:
    """End every session of a person: their epoch rises. None where nobody is."""
    person = await _locked(session, person_id)
    if person is None:
        return None
    return await _record(session, structs.replace(_as_is(person, now), epoch=person.epoch + 1))


async def keep_team(
    session: AsyncSession, team_id: str, form: TeamForm, now: datetime, *, new: bool
) -> TeamRecorded | None:
    """Record a team, new or changed; None where a new one's id is taken or an old one is not there."""
    await one_at_a_time(session)
    row = (await session.execute(sa.select(TEAM.c.version).where(TEAM.c.team_id == team_id).with_for_update())).scalar()
    if (row is None) != new:
        return None
    recorded = TeamRecorded(
        occurred_at=now,
        version=(row or 0) + 1,
        team_id=team_id,
        name=form.name,
        kind=form.kind.value,
        service=form.service,
    )
    await people.record_people([recorded], session)
    return recorded


async def team_stands_as_said(session: AsyncSession, form: NewTeamForm) -> bool:
    """Whether a team is recorded just as the form says: it was sent already."""
    team = await people.team(session, form.team_id)
    return team is not None and (team.name, team.kind, team.service) == (form.name, form.kind.value, form.service)


def memberships(held: Sequence[TeamMembership], wanted: Sequence[str], today: date) -> tuple[TeamMembership, ...]:
    """The history of somebody's teams after today's change: what ended stays, with its last day."""
    kept = [each for each in held if each.until is not None or each.team_id in wanted]
    ended = [
        structs.replace(each, until=max(today, each.since + timedelta(days=1)))
        for each in held
        if each.until is None and each.team_id not in wanted
    ]
    current = {each.team_id for each in held if each.until is None}
    joined = [TeamMembership(team_id=team, since=today) for team in wanted if team not in current]
    return (*kept, *ended, *joined)


async def one_at_a_time(session: AsyncSession) -> None:
    """Nobody else changes people or teams until the transaction ends: what is new has no row yet to be locked."""
    await session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('intake.people'))"))


async def _locked(session: AsyncSession, person_id: str) -> people.Person | None:
    """The person, whom nobody else changes until the transaction ends.

    One change at a time, over all people: two administrators who take each other's role must not both succeed.
    """
    await one_at_a_time(session)
    await session.execute(sa.select(PERSON.c.person_id).where(PERSON.c.person_id == person_id).with_for_update())
    return await people.person(session, person_id)


async def _keep_an_administrator(session: AsyncSession, person: people.Person) -> None:
    """Refuse to take the last administrator's role."""
    holders = await people.people_with_role(session, Role.ADMINISTRATOR)
    if [holder.person_id for holder in holders] == [person.person_id]:
        raise LastAdministratorError


async def _record(session: AsyncSession, recorded: PersonRecorded) -> PersonRecorded:
    await people.record_people([recorded], session)
    return recorded


def _described(
    form: PersonForm, person_id: str, held: Sequence[TeamMembership], now: datetime, today: date
) -> PersonRecorded:
    return PersonRecorded(
        occurred_at=now,
        person_id=person_id,
        name=form.name,
        email=form.email,
        roles=tuple(sorted(role.value for role in form.roles)),
        teams=memberships(held, form.teams, today),
        manages=tuple(sorted(form.manages)) if Role.TEAM_MANAGER in form.roles else (),
        services=tuple(sorted(form.services)) if Role.HEAD_OF_SERVICE in form.roles else (),
    )


def _as_is(person: people.Person, now: datetime) -> PersonRecorded:
    """The next version of a person in whom nothing has changed yet."""
    return PersonRecorded(
        occurred_at=now,
        version=person.version + 1,
        person_id=person.person_id,
        name=person.name,
        email=person.email,
        roles=tuple(sorted(person.roles)),
        teams=person.memberships,
        manages=tuple(sorted(person.manages)),
        services=tuple(sorted(person.services)),
        active=person.active,
        epoch=person.epoch,
    )
