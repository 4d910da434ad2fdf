"""People and teams as this service knows them: reads for rules and pages, and the fold of the events behind them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec
import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from shared.access.tables import PERSON, TEAM
from shared.events import Event, PersonRecorded, Role, TeamMembership, TeamRecorded

Reader = AsyncSession | AsyncConnection

PEOPLE = "people"
"""The channel that tells every replica's open pages that somebody's name, roles or session have changed."""
_TELL = sa.text(f"SELECT pg_notify('caseloop_' || current_schema() || '_{PEOPLE}', '')")


@dataclass(frozen=True)
class Person:
    """A member of staff: never a child, never a family."""

    person_id: str
    name: str
    email: str | None
    roles: frozenset[str]
    memberships: tuple[TeamMembership, ...]
    manages: frozenset[str]
    services: frozenset[str]
    active: bool
    epoch: int
    version: int

    def teams_on(self, day: date) -> frozenset[str]:
        """The teams that the person belonged to on that day."""
        return frozenset(held.team_id for held in self.memberships if held.stands_on(day))


@dataclass(frozen=True)
class Team:
    """A team and the service that it belongs to."""

    team_id: str
    name: str
    kind: str
    service: str
    active: bool
    version: int


async def person(session: Reader, person_id: str) -> Person | None:
    """One person, active or not."""
    row = (await session.execute(sa.select(PERSON).where(PERSON.c.person_id == person_id))).first()
    return _person(row) if row else None


async def persons(session: Reader, person_ids: Iterable[str]) -> list[Person]:
    """Those of these people who are known, in the order of their ids."""
    query = sa.select(PERSON).where(PERSON.c.person_id.in_(list(person_ids))).order_by(PERSON.c.person_id)
    return [_person(row) for row in await session.execute(query)]


async def display_name(session: Reader, person_id: str | None) -> str:
    """How a page names this person; the bare id where the directory does not know it, "nobody" for none."""
    if person_id is None:
        return "nobody"
    name = (await session.execute(sa.select(PERSON.c.name).where(PERSON.c.person_id == person_id))).scalar()
    return str(name) if name else person_id


async def team(session: Reader, team_id: str) -> Team | None:
    """One team, active or not."""
    row = (await session.execute(sa.select(TEAM).where(TEAM.c.team_id == team_id))).first()
    return _team(row) if row else None


async def teams(session: Reader) -> list[Team]:
    """Every active team, by name."""
    rows = await session.execute(sa.select(TEAM).where(TEAM.c.active).order_by(TEAM.c.name, TEAM.c.team_id))
    return [_team(row) for row in rows]


async def people(session: Reader, *, active_only: bool = True) -> list[Person]:
    """Everybody, by name."""
    query = sa.select(PERSON).order_by(PERSON.c.name, PERSON.c.person_id)
    rows = await session.execute(query.where(PERSON.c.active) if active_only else query)
    return [_person(row) for row in rows]


async def people_with_role(session: Reader, *roles: str) -> list[Person]:
    """The active people who hold at least one of the roles, by name."""
    query = sa.select(PERSON).where(PERSON.c.active, PERSON.c.roles.overlap(list(roles)))
    return [_person(row) for row in await session.execute(query.order_by(PERSON.c.name, PERSON.c.person_id))]


async def managers_of(session: Reader, team_id: str) -> list[Person]:
    """The active team managers of one team."""
    query = sa.select(PERSON).where(
        PERSON.c.active, PERSON.c.manages.contains([team_id]), PERSON.c.roles.contains([Role.TEAM_MANAGER.value])
    )
    return [_person(row) for row in await session.execute(query.order_by(PERSON.c.person_id))]


async def heads_of(session: Reader, service: str) -> list[Person]:
    """The active heads of one service."""
    query = sa.select(PERSON).where(
        PERSON.c.active, PERSON.c.services.contains([service]), PERSON.c.roles.contains([Role.HEAD_OF_SERVICE.value])
    )
    return [_person(row) for row in await session.execute(query.order_by(PERSON.c.person_id))]


async def teams_of_services(session: Reader, services: Iterable[str]) -> frozenset[str]:
    """The ids of every team of these services."""
    rows = await session.execute(sa.select(TEAM.c.team_id).where(TEAM.c.service.in_(list(services))))
    return frozenset(rows.scalars())


async def record_people(events: Sequence[PersonRecorded | TeamRecorded], session: AsyncSession) -> list[Event]:
    """Fold people and teams into this service's copy. An older version never replaces a newer one."""
    newest: dict[str, PersonRecorded | TeamRecorded] = {}
    for event in events:
        known = newest.get(event.key)
        if known is None or known.version <= event.version:
            newest[event.key] = event
    # Sorted, so that two writers of the same people cannot deadlock.
    for _, event in sorted(newest.items()):
        await (_keep_person(session, event) if isinstance(event, PersonRecorded) else _keep_team(session, event))
    await session.execute(_TELL)
    return []


async def _keep_person(session: AsyncSession, recorded: PersonRecorded) -> None:
    values = {
        "person_id": recorded.person_id,
        "name": recorded.name,
        "email": recorded.email,
        "roles": list(recorded.roles),
        "teams": [msgspec.to_builtins(structs.asdict(held)) for held in recorded.teams],
        "manages": list(recorded.manages),
        "services": list(recorded.services),
        "active": recorded.active,
        "epoch": recorded.epoch,
        "version": recorded.version,
    }
    await _keep(session, PERSON, "person_id", values)


async def _keep_team(session: AsyncSession, recorded: TeamRecorded) -> None:
    values = {
        "team_id": recorded.team_id,
        "name": recorded.name,
        "kind": recorded.kind,
        "service": recorded.service,
        "active": recorded.active,
        "version": recorded.version,
    }
    await _keep(session, TEAM, "team_id", values)


async def _keep(session: AsyncSession, table: sa.Table, key: str, values: Mapping[str, object]) -> None:
    statement = insert(table).values(values)
    fresh = {name: statement.excluded[name] for name in values if name != key}
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[key], set_=fresh, where=table.c.version <= statement.excluded.version
        )
    )


def _person(row: sa.Row[tuple[object, ...]]) -> Person:
    held = row._mapping
    return Person(
        person_id=held["person_id"],
        name=held["name"],
        email=held["email"],
        roles=frozenset(held["roles"]),
        memberships=msgspec.convert(held["teams"], tuple[TeamMembership, ...]),
        manages=frozenset(held["manages"]),
        services=frozenset(held["services"]),
        active=held["active"],
        epoch=held["epoch"],
        version=held["version"],
    )


def _team(row: sa.Row[tuple[object, ...]]) -> Team:
    held = row._mapping
    return Team(
        team_id=held["team_id"],
        name=held["name"],
        kind=held["kind"],
        service=held["service"],
        active=held["active"],
        version=held["version"],
    )
