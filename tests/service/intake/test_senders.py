"""The systems that may push: a token is shown once, kept as a hash, renewed, and refused when it is revoked."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import datetime, time, timedelta
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake import feeds, senders
from shared.clock import LONDON
from shared.db import sessions
from shared.events import Event, FeedEnded, FeedEvent, FeedFellSilent, FeedReceived, FeedResumed
from shared.working_days import add_working_days
from tests.service.intake.test_annex_a import by_command_line
from tests.service.intake.test_push import ADDRESS
from tests.support.clients import client_as
from tests.support.delivery import said
from tests.support.eventually import eventually

NAME = "Case system"


async def added(http: httpx.AsyncClient, name: str = NAME) -> dict[str, str]:
    answer = await http.post("/intake/senders", json={"name": name})
    assert answer.status_code == 200
    return dict(answer.json())


async def pushes(http: httpx.AsyncClient, token: str) -> int:
    """What a push with this token is answered."""
    answer = await http.post(ADDRESS, json=[], headers={"authorization": f"Bearer {token}"})
    return answer.status_code


async def test_a_sender_gets_its_token_once_and_only_its_hash_is_kept(app: FastAPI, engine: AsyncEngine) -> None:
    async with by_command_line(app) as http:
        sender = await added(http)
        again = await http.post("/intake/senders", json={"name": NAME})
        listed = await http.get("/intake/senders.json")
    assert again.status_code == 422
    async with engine.connect() as connection:
        row = (await connection.execute(sa.text("SELECT * FROM sender"))).one()
    assert sender["token"] not in str(tuple(row))
    assert sender["token"] not in listed.text
    assert row.token_hash not in listed.text
    assert [(each["name"], each["last_heard_at"], each["revoked_at"]) for each in listed.json()] == [(NAME, None, None)]


@pytest.mark.parametrize("name", ["cms", "DfE", "annex-a", "CIN-census", "staff"])
async def test_no_sender_is_called_like_a_road(app: FastAPI, name: str) -> None:
    """It shared that road's feed: each was heard when the other was."""
    async with by_command_line(app) as http:
        assert (await http.post("/intake/senders", json={"name": name})).status_code == 422


async def test_a_token_that_is_renewed_is_taken_in_the_place_of_the_one_before(app: FastAPI) -> None:
    async with by_command_line(app) as http:
        sender = await added(http)
        address = f"/intake/senders/{sender['sender_id']}/token"
        second, third = [(await http.post(address)).json() for _ in range(2)]
        assert [await pushes(http, each["token"]) for each in (sender, second, third)] == [401, 401, 204]


async def test_a_token_that_is_revoked_is_refused_until_there_is_another(app: FastAPI) -> None:
    async with by_command_line(app) as http:
        sender = await added(http)
        other = await added(http, "Another system")
        address = f"/intake/senders/{sender['sender_id']}"
        first, second = [(await http.post(f"{address}/revoke")).json() for _ in range(2)]
        assert first == second
        assert [await pushes(http, each["token"]) for each in (sender, other)] == [401, 204]
        renewed = (await http.post(f"{address}/token")).json()
        assert await pushes(http, renewed["token"]) == 204
        assert await pushes(http, sender["token"]) == 401
        assert {each["revoked_at"] for each in (await http.get("/intake/senders.json")).json()} == {None}


@pytest.mark.parametrize("move", ["token", "revoke"])
async def test_of_a_sender_that_nobody_knows_there_is_nothing(app: FastAPI, move: str) -> None:
    async with by_command_line(app) as http:
        assert (await http.post(f"/intake/senders/{uuid4()}/{move}")).status_code == 404


MONDAY = datetime(2026, 11, 23, 9, tzinfo=LONDON)
"""Two hours and more after the feed below is usually heard; it was not."""


async def a_daily_feed(
    engine: AsyncEngine, feed: str = NAME, road: str = "dfe", silent: datetime | None = None
) -> None:
    """A feed that came at six on each day of the week before, and is at its third version."""
    known = {"feed": feed, "road": road, "at": MONDAY - timedelta(days=3), "silent": silent}
    days = [{"feed": feed, "day": add_working_days(MONDAY.date(), -back), "at": time(6)} for back in range(1, 6)]
    async with engine.begin() as connection:
        await connection.execute(sa.text("INSERT INTO feed VALUES (:feed, :road, 3, :at, 1, 0, 0, :silent)"), known)
        await connection.execute(sa.text("INSERT INTO feed_day (feed, day, first_at) VALUES (:feed, :day, :at)"), days)


async def watched(engine: AsyncEngine, now: datetime = MONDAY) -> list[Event]:
    """What the ticker says of the feeds."""
    async with sessions(engine)() as session, session.begin():
        return await feeds.watch(session, now)


async def folded(engine: AsyncEngine, feed: str = NAME) -> list[Event]:
    """What the ticker says once something came by this feed."""
    async with sessions(engine)() as session, session.begin():
        await feeds.note(session, feed, "dfe", Counter(accepted=1), MONDAY)
        return await feeds.fold(session)


async def of_feeds(engine: AsyncEngine) -> list[tuple[type[Event], int]]:
    """What the outbox says of feeds: each event's kind and version."""
    return [(type(event), event.version) for event in await said(engine) if isinstance(event, FeedEvent)]


async def test_a_sender_that_was_revoked_is_missed_no_more(app: FastAPI, engine: AsyncEngine) -> None:
    """A system that was replaced stayed silent for good, in the metric and on the page."""
    await a_daily_feed(engine, silent=MONDAY)
    async with by_command_line(app) as http:
        sender = await added(http)
        await http.post(f"/intake/senders/{sender['sender_id']}/revoke")
    assert await watched(engine) == []
    async with sessions(engine)() as session, session.begin():
        assert await feeds.first_heard(session, MONDAY.date()) == {}
        assert (await session.execute(sa.text("SELECT silent_since FROM feed"))).scalars().all() == [None]
    async with await client_as(app, "administrator") as http:
        page = (await http.get("/intake")).text
    assert ">Ended<" in page
    assert ">Silent<" not in page


async def test_a_feed_that_ends_is_said_once_and_said_again_when_it_may_go_on(
    app: FastAPI, engine: AsyncEngine
) -> None:
    """Reporting counted a sender as silent for good: no event said that its feed had ended."""
    await a_daily_feed(engine, silent=MONDAY)
    async with by_command_line(app) as http:
        address = f"/intake/senders/{(await added(http))['sender_id']}"
        for move in ("token", "revoke", "revoke", "token", "token"):
            await http.post(f"{address}/{move}")
    assert await of_feeds(engine) == [(FeedEnded, 4), (FeedResumed, 5)]
    assert [(type(event), event.version) for event in await watched(engine)] == [(FeedFellSilent, 6)]


async def test_a_sender_that_never_sent_has_no_feed_to_end(app: FastAPI, engine: AsyncEngine) -> None:
    async with by_command_line(app) as http:
        address = f"/intake/senders/{(await added(http))['sender_id']}"
        for move in ("revoke", "token"):
            await http.post(f"{address}/{move}")
    assert await of_feeds(engine) == []


async def test_what_came_just_before_the_end_does_not_undo_it(app: FastAPI, engine: AsyncEngine) -> None:
    """It is folded within five seconds: by then the sender may be revoked."""
    async with by_command_line(app) as http:
        sender = await added(http)
        await http.post(f"/intake/senders/{sender['sender_id']}/revoke")
    assert [(type(event), event.version) for event in await folded(engine)] == [(FeedReceived, 1), (FeedEnded, 2)]
    assert [(type(event), event.version) for event in await folded(engine)] == [(FeedReceived, 3), (FeedEnded, 4)]


@pytest.mark.parametrize("ticks", [watched, folded])
async def test_a_ticker_that_looked_before_a_sender_was_revoked_waits_for_that(
    engine: AsyncEngine, ticks: Callable[[AsyncEngine], Coroutine[None, None, list[Event]]]
) -> None:
    """It called the feed silent after its end, or heard, and nobody ever said otherwise."""
    await a_daily_feed(engine)
    async with sessions(engine)() as session, session.begin():
        sender, _ = await senders.add(session, NAME, "ada", MONDAY)
    async with sessions(engine)() as session, session.begin():
        revoked = await senders.revoke(session, sender.sender_id, MONDAY)
        assert revoked is not None
        ticking = asyncio.create_task(ticks(engine))
        await eventually(lambda: waits_for_a_lock(engine))
    last = [*revoked[1], *await ticking][-1]
    assert isinstance(last, FeedEnded)
    assert last.version == await version(engine)


async def waits_for_a_lock(engine: AsyncEngine) -> bool:
    """Whether somebody waits for another's transaction in this database."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with engine.connect() as connection:
        return bool((await connection.execute(sa.text(waiting))).scalar_one())


async def version(engine: AsyncEngine) -> int:
    """The version of the only feed."""
    async with engine.connect() as connection:
        return int((await connection.execute(sa.text("SELECT version FROM feed"))).scalar_one())


async def test_a_sender_called_like_a_road_takes_no_other_feed_along(app: FastAPI, engine: AsyncEngine) -> None:
    """One that was added before such names were refused hid the feed of files when it was revoked."""
    await a_daily_feed(engine, "annex-a", "annex-a", MONDAY)
    async with by_command_line(app) as http:
        sender = await added(http)
        async with engine.begin() as connection:
            await connection.execute(sa.text("UPDATE sender SET name = 'annex-a'"))
        await http.post(f"/intake/senders/{sender['sender_id']}/revoke")
    assert await of_feeds(engine) == []
    async with await client_as(app, "administrator") as http:
        page = (await http.get("/intake")).text
    assert ">Silent<" in page
    assert ">Ended<" not in page
    async with engine.begin() as connection:
        await connection.execute(sa.text("UPDATE feed SET silent_since = NULL"))
    assert [type(event) for event in await watched(engine)] == [FeedFellSilent]
