"""The embedded Kafka and PostgreSQL do what the services count on."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path
from unittest.mock import patch

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.local.jars import Jar, class_path, locked
from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres
from deploy.local.refusal import Refused
from tests.conftest import FreshDatabase
from tests.support.backend import KafkaForTests


def plain(url: str) -> str:
    """SQLAlchemy's address as asyncpg wants it."""
    return url.replace("+asyncpg", "")


async def test_what_is_produced_is_consumed(kafka: KafkaForTests) -> None:
    topic = await kafka.topic("stack", partitions=1)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    await producer.send_and_wait(topic, b"an event")
    await producer.stop()
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap, group_id=topic, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    record = await consumer.getone()
    await consumer.stop()
    assert record.value == b"an event"


async def test_a_service_finds_its_tables_without_naming_its_schema(fresh_database: FreshDatabase) -> None:
    connection = await asyncpg.connect(plain(fresh_database().url("audit")))
    await connection.execute("CREATE TABLE something (id int)")
    schema = await connection.fetchval("SELECT schemaname FROM pg_tables WHERE tablename = 'something'")
    await connection.close()
    assert schema == "audit"


async def test_a_service_cannot_read_anothers_tables(fresh_database: FreshDatabase) -> None:
    database = fresh_database()
    owner = await asyncpg.connect(plain(database.url("intake")))
    await owner.execute("CREATE TABLE secret (id int)")
    await owner.close()
    other = await asyncpg.connect(plain(database.url("audit")))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await other.fetch("SELECT * FROM intake.secret")
    await other.close()


async def test_a_wrong_password_is_refused(fresh_database: FreshDatabase) -> None:
    database = fresh_database()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(plain(database.cluster.url("caseloop_audit", "wrong", database.name)))


def test_a_jar_that_does_not_match_its_digest_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASELOOP_MAVEN", "http://127.0.0.1:9")
    first = locked()[0]
    forged = Jar(first.group, first.artifact, first.version, "0" * 64)
    with pytest.raises(Refused, match="Maven"):
        class_path([forged])


def test_a_home_that_was_deleted_does_not_find_the_data_of_the_last(tmp_path: Path) -> None:
    """Under root the data may lie outside the home; a new home has new passwords, and the old data the old ones."""
    places = []
    for _ in range(2):
        files = Postgres(tmp_path / "postgres", 1, "secret")
        with patch.object(Postgres, "_initialise"):
            files.prepare()
        places.append((tmp_path / "postgres" / "place").read_text())
        shutil.rmtree(tmp_path / "postgres")
    assert places[0] != places[1]


def test_the_event_log_is_closed_to_others_on_the_machine(tmp_path: Path) -> None:
    broker = Kafka(tmp_path / "kafka", 1, 2)
    with patch.object(Kafka, "_format"):
        broker.prepare()
    assert stat.S_IMODE((tmp_path / "kafka").stat().st_mode) == 0o700
