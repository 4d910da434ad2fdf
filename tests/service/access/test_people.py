"""The fold of people and teams, and what rules ask of it."""

from datetime import date

from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.access import Role, people
from shared.db import sessions
from shared.events import PersonRecorded, TeamMembership, TeamRecorded
from tests.service.access.conftest import NOON
from tests.support.clients import a_person

TEAM = TeamRecorded(occurred_at=NOON, team_id="da1", name="Duty and Assessment 1", kind="assessment", service="Front")


async def fold(engine: AsyncEngine, *events: PersonRecorded | TeamRecorded) -> None:
    async with sessions(engine)() as session, session.begin():
        assert await people.record_people(events, session) == []


async def test_an_older_version_never_replaces_a_newer_one(engine: AsyncEngine) -> None:
    await fold(engine, a_person("w1", name="New name", version=3))
    await fold(engine, a_person("w1", name="Old name", version=2))
    async with sessions(engine)() as session:
        assert await people.display_name(session, "w1") == "New name"


async def test_two_versions_in_one_batch_leave_the_last(engine: AsyncEngine) -> None:
    await fold(engine, a_person("w1", name="First"), a_person("w1", name="Second", version=2), TEAM)
    async with sessions(engine)() as session:
        assert await people.display_name(session, "w1") == "Second"
        assert await people.team(session, "da1") == people.Team("da1", TEAM.name, "assessment", "Front", True, 1)


async def test_the_same_batch_again_changes_nothing(engine: AsyncEngine) -> None:
    for _ in range(2):
        await fold(engine, a_person("w1", Role.AUDITOR), TEAM)
    async with sessions(engine)() as session:
        assert len(await people.people(session)) == 1


async def test_somebody_unknown_is_named_by_their_id_and_nobody_as_nobody(engine: AsyncEngine) -> None:
    async with sessions(engine)() as session:
        assert await people.display_name(session, "w9") == "w9"
        assert await people.display_name(session, None) == "nobody"
        assert await people.person(session, "w9") is None
        assert await people.team(session, "t9") is None


async def test_managers_and_heads_are_those_who_hold_the_role_and_are_active(engine: AsyncEngine) -> None:
    await fold(
        engine,
        TEAM,
        a_person("m1", Role.TEAM_MANAGER, manages=["da1"]),
        a_person("m2", Role.PRACTITIONER, manages=["da1"]),
        structs.replace(a_person("m3", Role.TEAM_MANAGER, manages=["da1"]), active=False),
        a_person("h1", Role.HEAD_OF_SERVICE, services=["Front"]),
    )
    async with sessions(engine)() as session:
        assert [each.person_id for each in await people.managers_of(session, "da1")] == ["m1"]
        assert [each.person_id for each in await people.heads_of(session, "Front")] == ["h1"]
        assert [each.person_id for each in await people.people_with_role(session, Role.TEAM_MANAGER)] == ["m1"]
        assert await people.teams_of_services(session, ["Front"]) == {"da1"}


async def test_a_membership_counts_from_its_first_day_until_before_its_last(engine: AsyncEngine) -> None:
    moved = structs.replace(
        a_person("w1"),
        teams=(
            TeamMembership(team_id="old", since=date(2020, 1, 1), until=date(2026, 11, 24)),
            TeamMembership(team_id="new", since=date(2026, 11, 24)),
        ),
    )
    await fold(engine, moved)
    async with sessions(engine)() as session:
        person = await people.person(session, "w1")
    assert person is not None
    assert person.teams_on(date(2026, 11, 23)) == {"old"}
    assert person.teams_on(date(2026, 11, 24)) == {"new"}
