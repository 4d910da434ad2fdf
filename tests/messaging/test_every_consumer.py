"""The conformance suite: what every consumer of every service must stand, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from services.intake import handlers
from shared.messaging.codec import VALUE_LIMIT, StoredRecord
from tests.messaging.consumers import CASES, Case, effects, rows_of
from tests.support.databases import ServiceDatabase


@pytest.fixture(autouse=True)
def council_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret of this test's own, where intake's handlers look for it: pseudonyms of children are made with it."""
    key = tmp_path / "pseudonym.key"
    key.write_text(secrets.token_hex(32))
    monkeypatch.setenv("CASELOOP_PSEUDONYM_KEY_FILE", str(key))
    monkeypatch.setenv("CASELOOP_COUNCIL", "999")
    handlers.deployment.cache_clear()


each_consumer = pytest.mark.parametrize("case", CASES, ids=str)


@each_consumer
async def test_golden_events_are_handled(case: Case, database: ServiceDatabase) -> None:
    engine = await database(case.service)
    await case.consumer(engine).take(case.golden())
    assert await rows_of(engine, "dead_letter") == 0
    assert await rows_of(engine, "inbox") == len(case.golden())


@each_consumer
async def test_a_redelivered_batch_changes_nothing(case: Case, database: ServiceDatabase) -> None:
    engine = await database(case.service)
    await case.consumer(engine).take(case.golden())
    once = await effects(engine)
    await case.consumer(engine).take(case.golden())
    await case.consumer(engine).take([*case.golden(), *case.golden()])
    assert await effects(engine) == once


@each_consumer
async def test_two_replicas_with_the_same_batch_have_the_effect_of_one(case: Case, database: ServiceDatabase) -> None:
    alone, together = await database(case.service), await database(case.service)
    await case.consumer(alone).take(case.golden())
    await asyncio.gather(*(case.consumer(together).take(case.golden()) for _ in range(2)))
    assert await effects(together) == await effects(alone)


@each_consumer
async def test_records_that_come_one_at_a_time_are_handled_too(case: Case, database: ServiceDatabase) -> None:
    engine = await database(case.service)
    consumer = case.consumer(engine)
    for record in case.golden():
        await consumer.take([record])
    assert await rows_of(engine, "dead_letter") == 0
    assert await rows_of(engine, "inbox") == len(case.golden())


@each_consumer
@pytest.mark.parametrize("poison", ["not json", "wrong types", "too large", "no identity", "no type"])
async def test_poison_is_set_aside_and_the_rest_goes_through(
    case: Case, poison: str, database: ServiceDatabase
) -> None:
    clean, poisoned = await database(case.service), await database(case.service)
    await case.consumer(clean).take(case.golden())
    await case.consumer(poisoned).take([*case.golden(), _poison(case.golden()[0], poison)])
    without, with_it = await effects(clean), await effects(poisoned)
    aside = "quarantined" if case.subscription.on_bad else "dead_letter"
    assert with_it.rows[aside] == 1
    assert without.rows["inbox"] == with_it.rows["inbox"]


@each_consumer
async def test_what_it_does_not_listen_for_is_skipped_or_from_outside_quarantined(
    case: Case, database: ServiceDatabase
) -> None:
    engine = await database(case.service)
    first = case.golden()[0]
    headers = [(name, b"SomethingOfALaterVersion" if name == "ce_type" else value) for name, value in first.headers]
    await case.consumer(engine).take([replace(first, headers=headers)])
    assert await rows_of(engine, "dead_letter") == 0
    assert await rows_of(engine, "inbox") == 0
    if case.subscription.on_bad:
        assert await rows_of(engine, "quarantined") == 1


def _poison(record: StoredRecord, how: str) -> StoredRecord:
    placed = replace(record, key=b"a-key-of-its-own", offset=99_999)
    match how:
        case "not json":
            return replace(placed, value=b'{"half of')
        case "wrong types":
            return replace(placed, value=b'{"occurred_at": [], "version": "x"}')
        case "too large":
            return replace(placed, value=b" " * (VALUE_LIMIT + 1))
        case "no identity":
            return replace(placed, headers=[header for header in record.headers if header[0] != "ce_id"])
        case _:
            return replace(placed, headers=[header for header in record.headers if header[0] != "ce_type"])
