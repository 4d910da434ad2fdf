"""How the auditors of a programme stand: whose team a case is, and who has read that team's work before."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from services.audit.desk import desk, own_teams
from shared.access import people
from shared.db import sessions
from shared.events import PersonRecorded, TeamMembership
from tests.service.audit.playing import MORNING, arrive, audits, know, open_briefing
from tests.unit.audit.council import OPENS_ON, case

DAY = timedelta(days=1)


def auditor(*teams: TeamMembership, manages: tuple[str, ...] = ()) -> PersonRecorded:
    """One of the programme's auditors, with the teams that they were in and those that they manage."""
    return PersonRecorded(
        occurred_at=MORNING,
        version=2,
        person_id="auditor-1",
        name="Auditor",
        roles=("auditor",),
        teams=teams,
        manages=manages,
    )


async def test_an_auditors_own_teams_are_those_of_the_directory_on_every_day(engine: AsyncEngine) -> None:
    """The statement asks what `Person.teams_on` asks, to the day."""
    plan = await open_briefing(engine)
    until_now = TeamMembership(team_id="left", since=date(2020, 1, 1), until=OPENS_ON)
    from_now = TeamMembership(team_id="joined", since=OPENS_ON)
    await know(engine, auditor(until_now, from_now, manages=("led",)))
    async with sessions(engine)() as session:
        (known,) = await people.persons(session, ["auditor-1"])
        for day in (OPENS_ON - DAY, OPENS_ON, OPENS_ON + DAY):
            assert (await own_teams(session, plan, day))["auditor-1"] == known.teams_on(day) | known.manages
            standing = await desk(session, plan, day, set(), set())
            assert standing.own_teams["auditor-1"] == known.teams_on(day) | known.manages


async def test_the_desk_counts_open_audits_and_those_of_the_teams_asked_about_alone(engine: AsyncEngine) -> None:
    plan = await open_briefing(engine)
    work = [case(f"{team} {n}", team_id=team) for n in range(40) for team in ("assessment-north", "assessment-south")]
    await arrive(engine, *work)
    opened = await audits(engine)
    async with sessions(engine)() as session:
        standing = await desk(session, plan, OPENS_ON, {"assessment-north", None}, {None})
    north = [audit for audit in opened if audit.team_id == "assessment-north"]
    assert north
    assert sum(standing.load.values()) == len(opened)
    assert set(standing.team_load) == {"assessment-north"}
    assert sum(standing.team_load["assessment-north"].values()) == len(north)
