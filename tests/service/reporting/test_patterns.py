"""What is found again and again in a team stands on its manager's home and in the weekly pack; nobody else's."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.events import PatternDetected, TeamRecorded
from tests.service.reporting.telling import NOON, tell, the_programme
from tests.support.clients import client_as, keep
from tests.support.pressing import counted
from tests.unit.reporting.histories import an_id


def a_pattern(team: str = "team-north", at: datetime = NOON - timedelta(days=3)) -> PatternDetected:
    """Planning, found in three audits of a team."""
    return PatternDetected(
        occurred_at=at,
        pattern_id=an_id("pattern", team),
        team_id=team,
        domain="planning",
        actions=3,
        since=date(2026, 11, 9),
    )


async def shown(app: FastAPI, address: str, role: str, *teams: str, services: tuple[str, ...] = ()) -> str:
    """The page as somebody sees it who answers for these teams."""
    async with await client_as(app, role, manages=teams, services=services) as browser:
        answer = await browser.get(address)
        assert answer.status_code == 200
        return answer.text


async def test_a_manager_is_shown_the_pattern_of_the_month_of_their_own_team_with_a_workshop(
    app: FastAPI, engine: AsyncEngine
) -> None:
    pattern = a_pattern()
    await keep(app, TeamRecorded(occurred_at=NOON, team_id="team-north", name="North", service="children"))
    await tell(engine, [pattern])
    home = await shown(app, "/", "team_manager", "team-north")
    assert "The pattern of the month" in home
    assert "found in 3 audits since Monday 9 November 2026" in home
    assert f"/remedial/sessions/new?pattern={pattern.pattern_id}" in home
    assert "The pattern of the month" in await shown(app, "/", "head_of_service", services=("children",))
    assert "The pattern of the month" not in await shown(app, "/", "team_manager", "team-south")


async def test_a_director_sees_it_and_is_offered_no_workshop_that_they_could_not_plan(
    app: FastAPI, engine: AsyncEngine
) -> None:
    await tell(engine, [a_pattern()])
    home = await shown(app, "/", "dcs")
    assert "The pattern of the month" in home
    assert "Plan a workshop" not in home


async def test_a_home_without_one_says_nothing_of_it_and_one_of_last_quarter_is_over(
    app: FastAPI, engine: AsyncEngine
) -> None:
    await tell(engine, [a_pattern(at=NOON - timedelta(days=32))])
    for role in ("team_manager", "practitioner", "qa_manager"):
        assert "The pattern of the month" not in await shown(app, "/", role, "team-north")


async def test_the_weekly_pack_has_the_patterns_of_its_week(app: FastAPI, engine: AsyncEngine) -> None:
    await tell(engine, [the_programme(), a_pattern(at=NOON - timedelta(days=1)), a_pattern("team-south")])
    pack = await shown(app, "/reporting/weeks/2026-11-23", "qa_manager")
    assert "Found again and again" in pack
    assert pack.count("Plan a workshop about it") == 1
    assert "Found again and again" not in await shown(app, "/reporting/weeks/2026-11-09", "qa_manager")


async def test_a_pattern_told_twice_is_one(app: FastAPI, engine: AsyncEngine) -> None:
    await tell(engine, [a_pattern()])
    await tell(engine, [a_pattern()])
    assert await counted(engine, "SELECT count(*) FROM pattern") == 1
