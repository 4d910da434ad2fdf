"""Support sessions as remedial tells them: on the homes of those who meet, and counted by manager and week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import msgspec
from fastapi import FastAPI
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.clock import FixedClock
from shared.events import SessionCancelled, SessionHeld, SessionPlanned
from tests.service.reporting.telling import NOON, tell
from tests.support.clients import client_as
from tests.unit.reporting.histories import an_id


def planned(number: int = 1, starts_at: datetime = NOON + timedelta(hours=2)) -> SessionPlanned:
    """A reflective meeting that auditor-1 leads with the manager of the north."""
    return SessionPlanned(
        occurred_at=NOON - timedelta(days=7),
        session_id=an_id("session", number),
        kind="reflective",
        leader_id="auditor-1",
        attendees=("m-north", "worker-1"),
        managers=("m-north",),
        starts_at=starts_at,
        minutes=45,
    )


def held(plan: SessionPlanned, *managers: str) -> SessionHeld:
    """The same, held."""
    facts = structs.asdict(plan) | {"version": 2, "occurred_at": plan.starts_at + timedelta(hours=1)}
    return msgspec.convert({**facts, "attendees": managers, "managers": managers}, SessionHeld)


def cancelled(plan: SessionPlanned) -> SessionCancelled:
    """The same, cancelled."""
    return SessionCancelled(occurred_at=NOON, version=2, session_id=plan.session_id, by="auditor-1")


async def seen_by(app: FastAPI, address: str, role: str, person_id: str) -> httpx.Response:
    async with await client_as(app, role, person_id=person_id) as browser:
        return await browser.get(address)


async def test_a_session_today_stands_on_the_homes_of_those_who_meet_and_on_no_others(
    app: FastAPI, engine: AsyncEngine
) -> None:
    plan = planned()
    await tell(engine, [plan])
    link = f"/remedial/sessions/{plan.session_id}"
    for role, person in (("auditor", "auditor-1"), ("team_manager", "m-north"), ("practitioner", "worker-1")):
        page = (await seen_by(app, "/", role, person)).text
        assert link in page, person
        assert "2pm" in page
    assert link not in (await seen_by(app, "/", "team_manager", "m-south")).text
    assert link not in (await seen_by(app, "/", "qa_manager", "qa-1")).text


async def test_a_day_without_a_session_names_the_next_and_forgets_what_was_cancelled(
    app: FastAPI, engine: AsyncEngine
) -> None:
    today, tomorrow = planned(1), planned(2, NOON + timedelta(days=1))
    await tell(engine, [today, tomorrow, cancelled(today)])
    page = (await seen_by(app, "/", "auditor", "auditor-1")).text
    assert "None today. Your next" in page
    assert f"/remedial/sessions/{tomorrow.session_id}" in page
    assert f"/remedial/sessions/{today.session_id}" not in page
    assert "once you plan one or are invited" in (await seen_by(app, "/", "auditor", "auditor-2")).text


async def test_today_is_the_day_in_london(app: FastAPI, engine: AsyncEngine, clock: FixedClock) -> None:
    clock.instant = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    await tell(engine, [planned(1, datetime(2026, 7, 2, 8, tzinfo=UTC))])
    assert "9am" in (await seen_by(app, "/", "auditor", "auditor-1")).text


async def test_meetings_are_counted_once_they_are_held_by_manager_and_by_the_week_in_london(
    app: FastAPI, engine: AsyncEngine
) -> None:
    empty = (await seen_by(app, "/reporting/meetings", "qa_manager", "qa-1")).text
    assert "No meetings yet" in empty
    last = planned(1, NOON - timedelta(days=7))
    both, early, only_planned = planned(2, NOON), planned(3, NOON - timedelta(weeks=20)), planned(4)
    await tell(engine, [last, both, early, only_planned])
    history = [held(last, "m-north"), held(both, "m-north", "m-south"), held(early, "m-north")]
    await tell(engine, [*history, *history])
    page = " ".join((await seen_by(app, "/reporting/meetings", "qa_manager", "qa-1")).text.split())
    assert "4 meetings held with 2 managers" in page
    assert "23 Nov 2026" in page
    assert "16 Nov 2026" in page
    assert "/reporting/meetings?page=3" in page
    oldest = (await seen_by(app, "/reporting/meetings?page=3", "qa_manager", "qa-1")).text
    assert "6 Jul 2026" in oldest


async def test_a_session_that_is_heard_backwards_ends_the_same(app: FastAPI, engine: AsyncEngine) -> None:
    plan = planned(1, NOON - timedelta(hours=2))
    await tell(engine, [held(plan, "m-north"), plan])
    assert "1 meeting held" in (await seen_by(app, "/reporting/meetings", "business_support", "bs-1")).text


async def test_how_often_a_manager_was_met_is_not_the_boards_business(app: FastAPI) -> None:
    for role in ("board", "practitioner", "team_manager", "administrator"):
        assert (await seen_by(app, "/reporting/meetings", role, "somebody-1")).status_code == 404
