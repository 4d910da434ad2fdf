"""Who is asking, and what they may see. Every query takes a `Scope` and narrows by it.

A scope is the union of a person's roles. The bars on an object (blind moderation, one's own work) are the queries'
own and always win. What a person may not see answers 404, like what does not exist.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Protocol

from fastapi import Depends, HTTPException, Request
from fastapi.params import Depends as Dependency
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.access import people, sessions
from shared.clock import Clock
from shared.events import Role
from shared.working_days import local_date


class SessionSettings(Protocol):
    """What of the service's settings is needed here."""

    @property
    def session_key_file(self) -> Path: ...


class Deployment(Protocol):
    """What `create_service` keeps at `app.state.service`."""

    @property
    def engine(self) -> AsyncEngine: ...
    @property
    def settings(self) -> SessionSettings: ...
    @property
    def clock(self) -> Clock: ...


@dataclass(frozen=True)
class Scope:
    """One signed-in person: roles, the teams and services that they answer for, the teams that they work in today."""

    person_id: str
    name: str
    roles: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    """The teams of a team manager."""
    services: frozenset[str] = frozenset()
    """The services of a head of service."""
    own_teams: frozenset[str] = frozenset()
    """The teams that the person belongs to today."""

    def has(self, *roles: str) -> bool:
        """Whether the person holds at least one of the roles."""
        return not self.roles.isdisjoint(roles)


class SignInRequiredError(Exception):
    """Nobody is signed in where somebody must be: a page sends them to /sign-in, an API answers 401."""


@dataclass(frozen=True)
class Allow:
    """The dependency behind `allow`. It carries its roles, so that a test can hold them against the access matrix."""

    roles: frozenset[str]

    async def __call__(self, scope: "CurrentScope") -> None:
        if self.roles and not scope.has(*self.roles):
            raise HTTPException(404)


def allow(*roles: Role) -> Dependency:
    """Let in who holds one of the roles (everybody signed in where none is named); the others find nothing: 404."""
    return Dependency(Allow(frozenset(role.value for role in roles)))


async def scope_of(request: Request) -> Scope | None:
    """Who is signed in, or None: asked once a request, also where an error page asks again."""
    if not hasattr(request.state, "asker"):
        request.state.asker = await _asker(request)
    asker: Scope | None = request.state.asker
    return asker


async def ask_again(request: Request) -> Scope | None:
    """Who is signed in now: for a stream, which outlives the answer given when it began."""
    request.state.asker = await _asker(request)
    asker: Scope | None = request.state.asker
    return asker


ASK_SECONDS = 5.0
"""A session also ends by the clock, eight hours after it began, and teams change at midnight: nobody tells of that."""


@dataclass
class Asker:
    """Who listens to a stream, which outlives the answer given when it began."""

    request: Request
    asked_at: float = float("-inf")

    async def now(self, *, people_changed: bool) -> Scope | None:
        """Who is signed in now: asked again where `shared.access.people` told of a change, and after a while."""
        if people_changed or time.monotonic() - self.asked_at > ASK_SECONDS:
            self.asked_at = time.monotonic()
            return await ask_again(self.request)
        return await scope_of(self.request)


async def _asker(request: Request) -> Scope | None:
    """One read by primary key: a revoked session is refused as soon as its event is here."""
    deployment: Deployment = request.app.state.service
    cookie = request.cookies.get(sessions.COOKIE)
    if cookie is None:
        return None
    session = sessions.read(sessions.read_key(deployment.settings.session_key_file), cookie)
    if session is None:
        return None
    if session.person_id == sessions.SYSTEM:
        return _system_scope(session) if _is_loopback(request) else None
    async with deployment.engine.connect() as connection:
        person = await people.person(connection, session.person_id)
    if person is None or not person.active or person.epoch != session.epoch:
        return None
    return scope_for(person, deployment.clock.now())


def scope_for(person: people.Person, now: datetime) -> Scope:
    """The scope of a person at a moment: memberships count by the date in Europe/London."""
    return Scope(
        person_id=person.person_id,
        name=person.name,
        roles=person.roles,
        teams=person.manages if Role.TEAM_MANAGER in person.roles else frozenset(),
        services=person.services if Role.HEAD_OF_SERVICE in person.roles else frozenset(),
        own_teams=person.teams_on(local_date(now)),
    )


MaybeScope = Annotated[Scope | None, Depends(scope_of)]


async def signed_in(scope: MaybeScope) -> Scope:
    """Who is signed in; SignInRequiredError where nobody is."""
    if scope is None:
        raise SignInRequiredError
    return scope


CurrentScope = Annotated[Scope, Depends(signed_in)]


def roles_of(dependency: Callable[..., object] | None) -> frozenset[str] | None:
    """The roles that an `allow` lets in; None for any other dependency."""
    return dependency.roles if isinstance(dependency, Allow) else None


def _system_scope(session: sessions.Session) -> Scope:
    return Scope(person_id=sessions.SYSTEM, name="Caseloop command line", roles=frozenset(session.roles))


def _is_loopback(request: Request) -> bool:
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False
