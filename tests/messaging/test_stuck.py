"""What Kafka will not have: seen by administrators, let go once the cause is mended, or given up and kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting.app import build
from services.reporting.settings import Settings
from shared.db import sessions
from shared.events import Topic
from shared.messaging import stuck
from shared.service import Service
from tests.messaging.test_relay import SAY, arrived, empty, relaying, row, say, versions
from tests.messaging.trial import Trial
from tests.support.backend import KafkaForTests
from tests.support.clients import client_as
from tests.support.databases import ServiceDatabase
from tests.support.eventually import eventually

REASON = {"why": "The topic's limit was raised"}
HUGE = b"x" * 40_000


async def _stuck(trial: Trial) -> None:
    async with sessions(trial.engine)() as session:
        assert [one.key for one in await stuck.stuck_events(session)] == ["huge"]


async def test_what_was_stuck_goes_once_its_cause_is_mended_and_then_what_waited_behind_it(
    trial: Trial, kafka: KafkaForTests
) -> None:
    topic = await kafka.topic(partitions=1, config={"max.message.bytes": "20000"})
    async with relaying(trial, kafka):
        await say(trial, row(topic, "huge", 1, HUGE), row(topic, "huge", 2))
        await eventually(lambda: _stuck(trial), timeout=20)
        await kafka.configure(topic, {"max.message.bytes": "1048576"})
        async with sessions(trial.engine)() as session, session.begin():
            (found,) = await stuck.stuck_events(session)
            assert (found.topic, found.key, found.waiting) == (topic, "huge", 1)
            assert await stuck.retry(session, found.id)
            assert not await stuck.retry(session, found.id)
        await eventually(lambda: empty(trial), timeout=20)
    assert versions(await arrived(kafka, topic)) == {"huge": [1, 2]}


async def test_what_is_given_up_is_kept_as_a_settled_letter_and_what_waited_goes_on(
    trial: Trial, kafka: KafkaForTests
) -> None:
    topic = await kafka.topic(partitions=1, config={"max.message.bytes": "20000"})
    async with relaying(trial, kafka):
        await say(trial, row(topic, "huge", 1, HUGE), row(topic, "huge", 2))
        await eventually(lambda: _stuck(trial), timeout=20)
        async with sessions(trial.engine)() as session, session.begin():
            (found,) = await stuck.stuck_events(session)
            assert await stuck.give_up(session, found.id, "caseloop/999/audit", "a-1", "The topic cannot hold it")
            assert not await stuck.give_up(session, found.id, "caseloop/999/audit", "a-1", "Again")
        await eventually(lambda: empty(trial), timeout=20)
    assert versions(await arrived(kafka, topic)) == {"huge": [2]}
    async with trial.engine.connect() as connection:
        letters = (await connection.execute(text("SELECT topic, key, settled_by, value FROM dead_letter"))).all()
    assert [tuple(letter) for letter in letters] == [(topic, "huge", "a-1", HUGE)]


async def test_words_that_are_given_up_are_not_kept(trial: Trial) -> None:
    await say(trial, row(Topic.TEXTS.value, "text", 1, b'{"text":"words"}'))
    async with sessions(trial.engine)() as session, session.begin():
        await session.execute(text("UPDATE outbox SET stuck = true"))
        (found,) = await stuck.stuck_events(session)
        assert await stuck.give_up(session, found.id, "caseloop/999/audit", "a-1", "The topic cannot hold it")
        assert (await session.execute(text("SELECT value FROM dead_letter"))).scalar_one() is None


@pytest.fixture
async def engine(database: ServiceDatabase) -> AsyncEngine:
    """Reporting's database, with one event in its outbox that is stuck and one behind it."""
    engine = await database("reporting")
    async with engine.begin() as connection:
        await connection.execute(SAY, [row("any", "huge", 1), row("any", "huge", 2)])
        await connection.execute(text("UPDATE outbox SET stuck = true WHERE version = 1"))
    return engine


@pytest.fixture
async def app(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[FastAPI]:
    """Reporting on that database."""
    key = tmp_path / "session.key"
    key.write_text("k" * 32)
    made = build(Settings(database_url=engine.url.render_as_string(hide_password=False), session_key_file=key))
    service: Service = made.state.service
    yield made
    await service.engine.dispose()


@pytest.mark.parametrize(("how", "settled", "left"), [("retry", "retried", [1, 2]), ("give-up", "given up", [2])])
async def test_an_administrator_sees_what_is_stuck_and_settles_it_with_a_reason(
    app: FastAPI, engine: AsyncEngine, how: str, settled: str, left: list[int]
) -> None:
    async with await client_as(app, "administrator") as http:
        (found,) = (await http.get("/reporting/outbox.json")).json()
        assert (found["type"], found["key"], found["waiting"]) == ("FeedResumed", "huge", 1)
        path = f"/reporting/outbox/{found['id']}/{how}"
        assert (await http.post(path, data={"why": ""})).status_code in {400, 422}
        assert (await http.post(path, data=REASON)).json() == {"settled": settled}
        assert (await http.get("/reporting/outbox.json")).json() == []
        assert (await http.post(path, data=REASON)).status_code == 404
    async with engine.connect() as connection:
        waiting = await connection.execute(text("SELECT version FROM outbox WHERE NOT stuck ORDER BY id"))
        assert waiting.scalars().all() == left
        assert (await connection.execute(text("SELECT why FROM trail"))).scalars().all() == [REASON["why"]]


async def test_nobody_else_learns_that_something_is_stuck(app: FastAPI) -> None:
    async with await client_as(app, "qa_manager", "auditor", "dcs") as http:
        assert (await http.get("/reporting/outbox.json")).status_code == 404
