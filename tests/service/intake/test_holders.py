"""Who holds a plan, a placement or an open case: told where the sender says so, and told anew when that changes."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake import handlers, rematching, resolving
from services.intake.domain import dfe
from services.intake.models import SpellingRow
from shared.access.people import record_people
from shared.db import sessions
from shared.events import CmsEpisodeRecorded, EpisodeRecorded, Event, PersonRecorded, TeamMembership, TeamRecorded
from tests.service.intake.test_annex_a import by_command_line
from tests.support.delivery import deliver, said

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HEADER = "Child Unique ID,CIN Start Date,CIN Closure Date,Allocated Team,Allocated Worker"


def plan(**facts: object) -> CmsEpisodeRecorded:
    """A child protection plan that started on 1 September 2026."""
    given = {"council": "999", "id": "P-1", "child": "4410927", "kind": "child_protection", "occurred_at": NOON}
    return msgspec.convert({**given, "started_on": date(2026, 9, 1), **facts}, CmsEpisodeRecorded)


def later(hours: int, **facts: object) -> CmsEpisodeRecorded:
    """The same plan, said again."""
    return plan(version=hours + 1, occurred_at=NOON.replace(hour=12 + hours), **facts)


async def know(engine: AsyncEngine, *people: PersonRecorded | TeamRecorded) -> None:
    async with sessions(engine)() as session, session.begin():
        await record_people(people, session)


def worker(person_id: str, name: str, **teams: date) -> PersonRecorded:
    """A worker who joined teams on days."""
    held = tuple(TeamMembership(team_id=team, since=since) for team, since in teams.items())
    return PersonRecorded(occurred_at=NOON, person_id=person_id, name=name, teams=held)


async def send_list_6(app: FastAPI, *rows: str) -> dict[str, int]:
    """Give children in need to intake as a csv of Annex A's List 6; what was counted of them."""
    content = "\n".join((HEADER, *rows)).encode()
    async with by_command_line(app) as http:
        answer = await http.post(
            "/intake/imports/annex-a",
            files={"file": ("list-6.csv", content)},
            data={"as_of": "2021-03-12", "list": "6"},
        )
    counted: dict[str, int] = answer.json()["context"]
    return counted


def holders(events: list[Event]) -> list[tuple[str | None, str | None, int]]:
    return [(each.worker_id, each.team_id, each.version) for each in events if isinstance(each, EpisodeRecorded)]


async def test_a_case_system_says_who_holds_a_plan_and_a_later_word_without_it_changes_nothing(
    engine: AsyncEngine,
) -> None:
    first = await deliver(engine, handlers.router, plan(worker="worker-7", team="valley"))
    silent = await deliver(engine, handlers.router, later(1))
    handed_on = await deliver(engine, handlers.router, later(2, worker="worker-8", team="moor"))
    again = await deliver(engine, handlers.router, later(3, worker="worker-8", team="moor"))
    ended = await deliver(engine, handlers.router, later(4, ended_on=date(2026, 11, 20)))
    assert holders(first) == [("worker-7", "valley", 1)]
    assert (silent, again) == ([], [])
    assert holders(handed_on) == [("worker-8", "moor", 2)]
    assert holders(ended) == [("worker-8", "moor", 3)]


async def test_without_a_team_it_is_that_of_the_worker_on_the_day(engine: AsyncEngine) -> None:
    await know(engine, worker("worker-7", "Ash Grove", valley=date(2026, 10, 1)))
    assert holders(await deliver(engine, handlers.router, plan(worker="worker-7"))) == [("worker-7", "valley", 1)]
    closed = plan(id="P-2", child="4410928", worker="worker-7", ended_on=date(2026, 9, 20))
    assert holders(await deliver(engine, handlers.router, closed)) == [("worker-7", None, 1)]


async def test_annex_a_names_who_holds_a_plan_and_no_name_travels(app: FastAPI, engine: AsyncEngine) -> None:
    await know(engine, worker("worker-7", "Ash Grove", valley=date(2020, 1, 1)))
    counted = await send_list_6(app, "1001,01/02/2021,,,Ash Grove", "1002,01/02/2021,,Team Nobody Knows,Robin Unheard")
    assert counted == {"child_in_need": 2}
    told = [each for each in await said(engine) if isinstance(each, EpisodeRecorded)]
    known, unknown = sorted(told, key=lambda each: each.worker_id != "worker-7")
    assert (known.worker_id, known.team_id) == ("worker-7", "valley")
    assert (str(unknown.worker_id)[:2], str(unknown.team_id)[:2]) == ("n-", "n-")
    assert "Unheard" not in unknown.json().decode()


async def test_who_is_resolved_later_is_told_as_the_holder_of_their_plans(app: FastAPI, engine: AsyncEngine) -> None:
    await send_list_6(app, "1001,01/02/2021,,,Robin Unheard")
    (told,) = [each for each in await said(engine) if isinstance(each, EpisodeRecorded)]
    await know(engine, worker("worker-9", "Robin Heard", moor=date(2020, 1, 1)))
    async with sessions(engine)() as session, session.begin():
        row = await session.get_one(SpellingRow, ("worker", told.worker_id))
        assert await resolving.stands_for(session, row, "worker-9", by="support-1")
    async with sessions(engine)() as session, session.begin():
        anew = await rematching.rematch(session, handlers.deployment(), NOON)
    assert holders(anew) == [("worker-9", "moor", 2)]
    async with sessions(engine)() as session, session.begin():
        assert await rematching.rematch(session, handlers.deployment(), NOON) == []


def test_a_push_names_the_newest_worker_of_what_is_open_and_the_worker_of_the_day_of_what_is_closed() -> None:
    workers = [
        {"worker_id": "w-1", "start_date": "2026-01-01", "end_date": "2026-03-31"},
        {"worker_id": "w-2", "start_date": "2026-04-01"},
    ]
    plans = [
        {"child_in_need_plan_id": "open", "start_date": "2026-01-05"},
        {"child_in_need_plan_id": "closed", "start_date": "2026-01-05", "end_date": "2026-02-05"},
    ]
    episode = {"social_care_episode_id": "E-1", "referral_date": "2026-01-02", "care_worker_details": workers}
    (child,) = dfe.PUSH.validate_python(
        [{"la_child_id": "C1", "social_care_episodes": [episode | {"child_in_need_plans": plans}]}]
    )
    held = {each.sender_id: each.worker for each in dfe.hear(child, NOON).contexts}
    assert held == {"E-1": "w-2", "open": "w-2", "closed": "w-1"}
