"""HTTP clients that are signed in: straight into an application, without a socket."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

import httpx
from fastapi import FastAPI

from shared.access import people, sessions
from shared.access.scope import Deployment
from shared.db import sessions as database_sessions
from shared.events import PersonRecorded, TeamMembership, TeamRecorded

ORIGIN = "http://127.0.0.1:8080"
SINCE = date(2020, 1, 1)


def client(app: FastAPI, cookie: str | None = None) -> httpx.AsyncClient:
    """A browser that follows no redirect by itself; signed in where a session's cookie is given."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url=ORIGIN,
        cookies={sessions.COOKIE: cookie} if cookie else None,
        headers={"accept": "text/html"},
    )


def cookie_for(app: FastAPI, person_id: str, epoch: int = 0) -> str:
    """The session's cookie of one person, signed with the application's own key."""
    deployment: Deployment = app.state.service
    return sessions.sign(sessions.read_key(deployment.settings.session_key_file), person_id, epoch)


def a_person(
    person_id: str,
    *roles: str,
    name: str | None = None,
    teams: Iterable[str] = (),
    manages: Sequence[str] = (),
    services: Sequence[str] = (),
    epoch: int = 0,
    version: int = 1,
) -> PersonRecorded:
    """A person as intake would record them."""
    return PersonRecorded(
        occurred_at=datetime(2026, 11, 1, 9, tzinfo=UTC),
        version=version,
        person_id=person_id,
        name=name or person_id.replace("-", " ").title(),
        roles=roles,
        teams=tuple(TeamMembership(team_id=team, since=SINCE) for team in teams),
        manages=tuple(manages),
        services=tuple(services),
        epoch=epoch,
    )


async def keep(app: FastAPI, *recorded: PersonRecorded | TeamRecorded) -> None:
    """Put people and teams into the service's own copy, as its consumer would."""
    deployment: Deployment = app.state.service
    async with database_sessions(deployment.engine)() as session, session.begin():
        await people.record_people(recorded, session)


async def client_as(
    app: FastAPI,
    *roles: str,
    person_id: str | None = None,
    teams: Iterable[str] = (),
    manages: Sequence[str] = (),
    services: Sequence[str] = (),
) -> httpx.AsyncClient:
    """A browser signed in as a person who holds these roles, recorded in the service's copy on the way."""
    somebody = a_person(person_id or "-".join(("a", *roles)), *roles, teams=teams, manages=manages, services=services)
    await keep(app, somebody)
    return client(app, cookie_for(app, somebody.person_id))
