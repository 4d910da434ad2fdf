"""Dead letters as an administrator meets them: listed, replayed and dismissed over HTTP, by nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI

from services.reporting.app import build
from services.reporting.settings import Settings
from shared.events import FeedReceived
from shared.service import Service
from tests.contracts.vocabulary import golden_record
from tests.support.clients import client_as
from tests.support.databases import ServiceDatabase

REASON = {"why": "The sender will send it again"}


@pytest.fixture
async def app(database: ServiceDatabase, tmp_path: Path) -> AsyncIterator[FastAPI]:
    """Reporting, with one event of a sender set aside and one waiting behind it."""
    engine = await database("reporting")
    key = tmp_path / "session.key"
    key.write_text("k" * 32)
    made = build(
        Settings(database_url=engine.url.render_as_string(hide_password=False), session_key_file=key),
    )
    service: Service = made.state.service
    good = golden_record(FeedReceived)
    (consumer,) = (one for one in service.consumers if one.subscription.topic.value == good.topic)
    await consumer.take([replace(good, value=b'{"half of', offset=7), replace(good, offset=8)])
    yield made
    await service.engine.dispose()


async def test_an_administrator_sees_where_a_letter_came_from_and_dismisses_it(app: FastAPI) -> None:
    async with await client_as(app, "administrator") as http:
        (letter,) = (await http.get("/reporting/dead-letters.json")).json()
        assert (letter["topic"], letter["offset"], letter["parked"]) == ("caseloop.feeds.v1", 7, 1)
        assert letter["reason"] == "json_invalid"
        path = f"/reporting/dead-letters/{letter['id']}"
        refused = await http.post(f"{path}/replay", data=REASON)
        assert (refused.status_code, refused.json()) == (409, {"refused": "it still fails: json_invalid at body"})
        assert (await http.post(f"{path}/dismiss", data=REASON)).json() == {"settled": "dismissed"}
        assert (await http.get("/reporting/dead-letters.json")).json() == []
        assert (await http.post(f"{path}/dismiss", data=REASON)).status_code == 404


async def test_a_letter_is_not_settled_without_a_reason(app: FastAPI) -> None:
    async with await client_as(app, "administrator") as http:
        (letter,) = (await http.get("/reporting/dead-letters.json")).json()
        answer = await http.post(f"/reporting/dead-letters/{letter['id']}/dismiss", data={"why": ""})
        assert answer.status_code in {400, 422}
        assert len((await http.get("/reporting/dead-letters.json")).json()) == 1


async def test_nobody_else_learns_that_there_are_letters(app: FastAPI) -> None:
    async with await client_as(app, "qa_manager", "practitioner", "dcs") as http:
        assert (await http.get("/reporting/dead-letters.json")).status_code == 404
