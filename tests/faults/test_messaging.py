"""Messages while servers and processes are killed, paused and away: nothing is lost, and nothing counts twice."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from deploy.local import topics
from services.reporting.app import build
from services.reporting.settings import Settings
from shared.migrate import upgrade
from shared.service import Service
from tests.messaging.test_delivery import client_of, numbers
from tests.messaging.test_relay import arrived, empty, relaying, row, say, versions
from tests.messaging.trial import Trial, each_once, in_order, publish, replica
from tests.support.backend import Database, KafkaForTests, PostgresForTests, Server
from tests.support.clients import client
from tests.support.eventually import eventually


def server_of(one: KafkaForTests | PostgresForTests) -> Server:
    """The server, where it is ours to hurt."""
    if one.server is None:
        pytest.skip("the servers run in containers")
    return one.server


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A replica in a process of its own."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.replica", *arguments, stdout=subprocess.PIPE
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()


async def test_a_replica_killed_between_commit_and_acknowledgement_does_nothing_twice(
    trial: Trial, kafka: KafkaForTests
) -> None:
    topic = await kafka.topic()
    sent = numbers(600)
    await publish(kafka.bootstrap, topic, sent)
    async with process("consume", trial.url, kafka.bootstrap, topic) as killed:
        assert await asyncio.wait_for(killed.wait(), 60) == -signal.SIGKILL
    committed = await trial.effects()
    assert committed
    async with replica(trial, kafka.bootstrap, topic):
        await eventually(lambda: _has(trial, 600), timeout=40)
        await publish(kafka.bootstrap, topic, [("last", 1)])
        await eventually(lambda: _has(trial, 601), timeout=20)
    each_once(await trial.effects(), {*sent, ("last", 1)})
    in_order(await trial.effects())


async def test_a_leader_that_is_paused_is_relieved_and_wakes_harmless(trial: Trial, kafka: KafkaForTests) -> None:
    topic = await kafka.topic()
    async with process("relay", trial.url, kafka.bootstrap) as leader:
        assert leader.stdout is not None
        assert await asyncio.wait_for(leader.stdout.readline(), 60) == b"leading\n"
        await say(trial, *(row(topic, f"k{n % 5}", n) for n in range(1, 101)))
        await eventually(lambda: empty(trial), timeout=20)
        leader.send_signal(signal.SIGSTOP)
        async with relaying(trial, kafka):
            await say(trial, *(row(topic, f"k{n % 5}", n) for n in range(101, 201)))
            await eventually(lambda: empty(trial), timeout=15)
            leader.send_signal(signal.SIGCONT)
            await say(trial, *(row(topic, f"k{n % 5}", n) for n in range(201, 301)))
            await eventually(lambda: empty(trial), timeout=15)
    seen = versions(await arrived(kafka, topic))
    assert seen == {f"k{key}": [n for n in range(1, 301) if n % 5 == key] for key in range(5)}


async def test_a_broker_that_goes_away_and_comes_back_loses_nothing(trial: Trial, kafka: KafkaForTests) -> None:
    heard, said = await kafka.topic(), await kafka.topic()
    sent = numbers(500)
    async with replica(trial, kafka.bootstrap, heard), relaying(trial, kafka):
        await publish(kafka.bootstrap, heard, sent[:250])
        await eventually(lambda: _has(trial, 250), timeout=20)
        await asyncio.to_thread(server_of(kafka).kill)
        await say(trial, *(row(said, "k", n) for n in range(1, 51)))
        await asyncio.to_thread(server_of(kafka).start)
        await publish(kafka.bootstrap, heard, sent[200:])
        await eventually(lambda: _has(trial, 500), timeout=60)
        await eventually(lambda: _relayed(trial, said), timeout=60)
    each_once(await trial.effects(), sent)
    assert versions(await arrived(kafka, said)) == {"k": list(range(1, 51))}


async def test_a_database_that_goes_away_and_comes_back_loses_nothing(
    trial: Trial, kafka: KafkaForTests, postgres: PostgresForTests
) -> None:
    topic = await kafka.topic()
    sent = numbers(500)
    async with replica(trial, kafka.bootstrap, topic) as (broker, _):
        await publish(kafka.bootstrap, topic, sent[:250])
        await eventually(lambda: _has(trial, 250), timeout=20)
        await asyncio.to_thread(server_of(postgres).kill)
        await publish(kafka.bootstrap, topic, sent)
        await eventually(lambda: bool(client_of(broker).assignment()))
        await asyncio.to_thread(server_of(postgres).start)
        await eventually(lambda: _has(trial, 500), timeout=60)
    each_once(await trial.effects(), sent)
    in_order(await trial.effects())
    assert await trial.count("dead_letter") == 0


async def test_a_service_serves_while_kafka_is_down_and_joins_when_it_is_back(
    fresh_database: Callable[..., Database], kafka: KafkaForTests, tmp_path: Path
) -> None:
    app = await _reporting(fresh_database(), kafka, tmp_path)
    service: Service = app.state.service
    await asyncio.to_thread(server_of(kafka).stop)
    async with service.running(), client(app) as http:
        assert await _status(http, "/health/live") == 200
        assert await _status(http, "/health/ready") == 503
        assert await _status(http, "/reporting/asyncapi.json") == 200
        await asyncio.to_thread(server_of(kafka).start)
        await eventually(lambda: _ready(http), timeout=60)
        assert await _status(http, "/health/live") == 200


async def test_a_service_stops_in_time_while_kafka_is_down(
    fresh_database: Callable[..., Database], kafka: KafkaForTests, tmp_path: Path
) -> None:
    app = await _reporting(fresh_database(), kafka, tmp_path)
    service: Service = app.state.service
    loop = asyncio.get_running_loop()
    async with service.running(), client(app) as http:
        await eventually(lambda: _ready(http), timeout=60)
        await asyncio.to_thread(server_of(kafka).stop)
        stopping = loop.time()
    took = loop.time() - stopping
    await asyncio.to_thread(server_of(kafka).start)
    assert took < 10


async def _reporting(database: Database, kafka: KafkaForTests, folder: Path) -> FastAPI:
    await topics.apply(kafka.bootstrap, topics.declared())
    await asyncio.to_thread(upgrade, "reporting", database.url("reporting"))
    key = folder / "session.key"
    key.write_text("k" * 32)
    return build(Settings(database_url=database.url("reporting"), kafka=kafka.bootstrap, session_key_file=key))


async def _status(http: httpx.AsyncClient, path: str) -> int:
    return (await http.get(path)).status_code


async def _ready(http: httpx.AsyncClient) -> None:
    answer = await http.get("/health/ready")
    assert (answer.status_code, answer.json()) == (
        200,
        {"ready": True, "database": True, "kafka": True, "consumers": True},
    )


async def _has(trial: Trial, count: int) -> None:
    assert len(await trial.effects()) >= count


async def _relayed(trial: Trial, topic: str) -> None:
    async with trial.engine.connect() as connection:
        waiting = await connection.execute(text("SELECT count(*) FROM outbox WHERE topic = :topic"), {"topic": topic})
    assert waiting.scalar_one() == 0
