"""Names that the directory comes to know, comes to know twice, or has twice already: what becomes of their cases."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake import handlers, queries, rematching, resolving
from services.intake.models import SpellingRow
from shared.access import Scope
from shared.db import sessions
from shared.events import AssessmentRecorded, EpisodeRecorded, Event, Role, WorkersUnmatched
from shared.messaging import outbox
from tests.service.intake.test_annex_a import by_command_line
from tests.service.intake.test_finished_work import NOON
from tests.service.intake.test_holders import send_list_6
from tests.service.intake.test_staff import send
from tests.support.delivery import said

HEADER = (
    "Child Unique ID,Continuous Assessment Start Date,Continuous Assessment Authorisation Date,"
    "Allocated Team,Allocated Worker"
)
SUPPORT = Scope(person_id="support-1", name="Support", roles=frozenset({Role.BUSINESS_SUPPORT}))
STAFF = b"Worker ID,Name,Team ID,Team name,Start date\nW1,Robin Heard,T1,Moor Team,01/04/2024\n"


async def send_list_4(app: FastAPI, *rows: str) -> None:
    async with by_command_line(app) as http:
        answer = await http.post(
            "/intake/imports/annex-a",
            files={"file": ("list 4.csv", "\n".join([HEADER, *rows]).encode())},
            data={"as_of": "2026-11-24", "list": "4"},
        )
    assert answer.json()["accepted"] == len(rows), answer.text


async def newest(engine: AsyncEngine) -> AssessmentRecorded:
    return [event for event in await said(engine) if isinstance(event, AssessmentRecorded)][-1]


async def add(engine: AsyncEngine, kind: str, stand_in: str | None) -> None:
    async with sessions(engine)() as session, session.begin():
        row = await session.get_one(SpellingRow, (kind, stand_in))
        await outbox.store(session, await resolving.add(session, row, "support-1", NOON))


async def tick(engine: AsyncEngine) -> list[Event]:
    async with sessions(engine)() as session, session.begin():
        return await rematching.rematch(session, handlers.deployment(), NOON)


async def listed(engine: AsyncEngine) -> set[str]:
    async with sessions(engine)() as session:
        return {each.shown for each in (await queries.unmatched(session, SUPPORT, 1)).items}


async def test_cases_of_a_list_that_came_before_the_staff_file_find_their_people_by_name(
    app: FastAPI, engine: AsyncEngine
) -> None:
    """Only an id or somebody's word brought them home: with the whole staff there, every case stayed unmatched."""
    await send_list_4(app, "1001,01/10/2026,20/11/2026,Moor Team,Robin Heard")
    await send_list_6(app, "1002,01/02/2021,,Moor Team,Robin Heard")
    assert await listed(engine) == {"Moor Team", "Robin Heard"}
    await send(app, STAFF)
    (record,) = await tick(engine)
    assert isinstance(record, AssessmentRecorded)
    assert (record.worker_id, record.team_id, record.unmatched) == ("W1", "T1", ())
    (held,) = await tick(engine)
    assert isinstance(held, EpisodeRecorded)
    assert (held.worker_id, held.team_id) == ("W1", "T1")
    assert await listed(engine) == set()
    assert await tick(engine) == []


async def test_who_holds_nothing_but_plans_is_listed_and_counted_too(app: FastAPI, engine: AsyncEngine) -> None:
    """The frame draws open cases as well: theirs were seen by nobody, and business support was told of none."""
    await send_list_6(app, "1002,01/02/2021,,Moor Team,Robin Heard")
    assert await listed(engine) == {"Moor Team", "Robin Heard"}
    async with sessions(engine)() as session, session.begin():
        (counted,) = await rematching.count(session, NOON)
    assert isinstance(counted, WorkersUnmatched)
    assert (counted.workers, counted.teams) == (1, 1)
    await send(app, STAFF)
    await tick(engine)
    await tick(engine)
    assert await listed(engine) == set()
    async with sessions(engine)() as session, session.begin():
        (counted,) = await rematching.count(session, NOON)
    assert isinstance(counted, WorkersUnmatched)
    assert (counted.workers, counted.teams) == (0, 0)


async def test_a_name_that_has_become_two_peoples_holds_up_nobody_behind_it(
    app: FastAPI, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Added by business support, then in the staff file under an id: their case came first at every tick, for good."""
    monkeypatch.setattr(rematching, "AT_ONCE", 1)
    await send_list_4(app, "1001,01/10/2026,20/11/2026,,Robin Heard")
    await add(engine, "worker", (await newest(engine)).worker_id)
    assert len(await tick(engine)) == 1
    await send(app, STAFF)
    await send_list_4(app, *(f"{child},02/10/2026,20/11/2026,,Robin Heard" for child in range(2001, 2009)))
    assert await listed(engine) == {"Robin Heard"}
    await send_list_4(app, "3001,03/10/2026,20/11/2026,,Ash Grove")
    await send(app, b"Worker ID,Name,Team ID\nW2,Ash Grove,T1\n")
    (record,) = await tick(engine)
    assert isinstance(record, AssessmentRecorded)
    assert record.worker_id == "W2"
    assert await listed(engine) == {"Robin Heard"}


async def test_who_is_added_beside_two_of_that_name_is_the_one_that_their_cases_mean(
    app: FastAPI, engine: AsyncEngine
) -> None:
    """The page said that their cases follow in a few seconds, and they stayed unmatched."""
    await send(app, b"Worker ID,Name,Team ID\nW1,Robin Heard,T1\nW2,Robin Heard,T1\n")
    await send_list_4(app, "1001,01/10/2026,20/11/2026,,Robin Heard")
    stand_in = (await newest(engine)).worker_id
    await add(engine, "worker", stand_in)
    (record,) = await tick(engine)
    assert isinstance(record, AssessmentRecorded)
    assert (record.worker_id, record.unmatched) == (stand_in, ())
    assert await listed(engine) == set()
