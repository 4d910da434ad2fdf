"""The systems that may push: a token is shown once, kept as a hash, renewed, and refused when it is revoked."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake import feeds
from shared.db import sessions
from shared.working_days import add_working_days
from tests.service.intake.test_annex_a import by_command_line
from tests.service.intake.test_push import ADDRESS
from tests.support.clients import client_as

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


async def test_a_sender_that_was_revoked_is_missed_no_more(app: FastAPI, engine: AsyncEngine) -> None:
    """A system that was replaced stayed silent for good, in the metric and on the page."""
    now = app.state.service.clock.now()
    days = [add_working_days(app.state.service.clock.today(), -back) for back in range(2, 8)]
    async with by_command_line(app) as http:
        sender = await added(http)
        async with engine.begin() as connection:
            await connection.execute(
                sa.text("INSERT INTO feed VALUES (:feed, 'dfe', 1, :at, 1, 0, 0, :at)"), {"feed": NAME, "at": now}
            )
            for day in days:
                await connection.execute(
                    sa.text("INSERT INTO feed_day (feed, day, first_at) VALUES (:feed, :day, '06:00')"),
                    {"feed": NAME, "day": day},
                )
        await http.post(f"/intake/senders/{sender['sender_id']}/revoke")
    async with sessions(engine)() as session, session.begin():
        assert await feeds.watch(session, now) == []
        assert await feeds.first_heard(session, app.state.service.clock.today()) == {}
        assert (await session.execute(sa.text("SELECT silent_since FROM feed"))).scalars().all() == [None]
    async with await client_as(app, "administrator") as http:
        page = (await http.get("/intake")).text
    assert ">Ended<" in page
    assert ">Silent<" not in page
