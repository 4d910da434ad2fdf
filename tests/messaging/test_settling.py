"""Bad data, a world that is down, and our own bugs: what a consumer does with each, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from opentelemetry import propagate
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from shared.db import create_engine
from shared.events import Event, FeedReceived, FeedResumed, Topic
from shared.messaging import consumer as consuming
from shared.messaging import dead_letters, metrics
from shared.messaging.codec import StoredRecord
from shared.messaging.consumer import MostlyBadError, StillFailsError
from shared.messaging.dead_letters import DISMISSED, REPLAYED
from tests.messaging.trial import BEGAN, Trial, consumer, each_once, in_order, note, record
from tests.support.eventually import eventually

HALF_A_DOCUMENT = b'{"half of'


def a_batch(size: int, senders: int = 5) -> list[StoredRecord]:
    """Numbers of several senders, in turn."""
    return [record(f"sender-{number % senders}", number) for number in range(size)]


async def fails_at_thirteen(events: Sequence[FeedReceived], session: AsyncSession) -> list[Event]:
    """A handler with a bug."""
    said = await note(events, session)
    if any(event.accepted == 13 for event in events):
        raise KeyError("thirteen")
    return said


async def settle(trial: Trial, how: str, handler: consuming.Handler = note) -> bool:
    """Settle the one open letter."""
    return await consumer(trial, handler).settle(await trial.letter(), how=how, by="an-administrator", why="mended")


# --- our bugs --------------------------------------------------------------------------------------------------------


async def test_a_bug_sets_its_own_event_aside_and_the_rest_goes_through(trial: Trial) -> None:
    await consumer(trial, fails_at_thirteen).take(a_batch(100))
    behind = {(f"sender-{number % 5}", number) for number in range(13, 100) if number % 5 == 3}
    each_once(await trial.effects(), {(f"sender-{n % 5}", n) for n in range(100)} - behind)
    assert await trial.count("dead_letter") == 1
    assert await trial.count("parked") == len(behind) - 1
    assert await trial.count("outbox") == 100 - len(behind)


async def test_a_replayed_letter_goes_first_and_what_waited_follows_in_order(trial: Trial) -> None:
    await consumer(trial, fails_at_thirteen).take(a_batch(100))
    assert await settle(trial, REPLAYED)
    each_once(await trial.effects(), {(f"sender-{n % 5}", n) for n in range(100)})
    in_order(await trial.effects())
    assert await trial.count("parked") == 0


async def test_a_dismissed_letter_has_no_effect_and_what_waited_follows(trial: Trial) -> None:
    await consumer(trial, fails_at_thirteen).take(a_batch(100))
    assert await settle(trial, DISMISSED)
    each_once(await trial.effects(), {(f"sender-{n % 5}", n) for n in range(100) if n != 13})
    in_order(await trial.effects())


async def test_a_letter_that_still_fails_stays_as_it_was(trial: Trial) -> None:
    await consumer(trial, fails_at_thirteen).take(a_batch(100))
    before = await trial.effects(), await trial.count("parked"), await trial.letter()
    with pytest.raises(StillFailsError, match="KeyError at handler"):
        await settle(trial, REPLAYED, fails_at_thirteen)
    assert (await trial.effects(), await trial.count("parked"), await trial.letter()) == before


async def test_what_fails_among_the_released_becomes_a_letter_and_the_rest_waits_on(trial: Trial) -> None:
    await consumer(trial, fails_at_thirteen).take(a_batch(100))

    async def fails_at_fifty_three(events: Sequence[FeedReceived], session: AsyncSession) -> list[Event]:
        if any(event.accepted == 53 for event in events):
            raise KeyError("fifty-three")
        return await note(events, session)

    assert await settle(trial, REPLAYED, fails_at_fifty_three)
    assert await trial.numbers("sender-3") == list(range(3, 53, 5))
    assert await settle(trial, REPLAYED)
    assert await trial.numbers("sender-3") == list(range(3, 100, 5))
    assert await trial.count("parked") == 0


@pytest.mark.parametrize("how", [REPLAYED, DISMISSED])
async def test_a_batch_that_comes_again_after_its_letter_was_settled_holds_nothing_back(trial: Trial, how: str) -> None:
    """Incident prevented: the bad record came again, held its key with no letter to settle, and parked it for ever."""
    await consumer(trial, fails_at_thirteen).take(a_batch(100))
    await settle(trial, how)
    once = await trial.effects()
    await consumer(trial, fails_at_thirteen).take(a_batch(100))
    assert await trial.effects() == once
    assert await trial.count("parked") == 0
    assert await trial.count("dead_letter") == 1
    await consumer(trial).take([record("sender-3", 500)])
    assert await trial.numbers("sender-3") == [*(n for _, n in once if n % 5 == 3), 500]


async def test_a_batch_that_comes_again_while_its_letter_is_open_changes_nothing(trial: Trial) -> None:
    await consumer(trial, fails_at_thirteen).take(a_batch(100))
    once = await trial.effects()
    await consumer(trial, fails_at_thirteen).take(a_batch(100))
    assert await trial.effects() == once
    # What was taken already waits behind the letter too, and is known when it is released
    await settle(trial, REPLAYED)
    each_once(await trial.effects(), {(f"sender-{n % 5}", n) for n in range(100)})
    in_order(await trial.effects())


async def test_a_letter_of_another_consumer_is_not_settled(trial: Trial) -> None:
    await consumer(trial, fails_at_thirteen).take(a_batch(20))
    other = consumer(trial)
    other.subscription = replace(other.subscription, name="another")
    assert not await other.settle(await trial.letter(), how=DISMISSED, by="x", why="y")


async def test_two_who_settle_the_same_letter_settle_it_once(trial: Trial) -> None:
    await consumer(trial, fails_at_thirteen).take(a_batch(100))
    letter = await trial.letter()
    settled = await asyncio.gather(
        *(consumer(trial).settle(letter, how=REPLAYED, by=f"{n}", why="mended") for n in range(4))
    )
    assert sorted(settled) == [False, False, False, True]
    each_once(await trial.effects(), {(f"sender-{n % 5}", n) for n in range(100)})


async def test_parking_and_settling_at_once_lose_nothing_and_keep_the_order(trial: Trial) -> None:
    await consumer(trial, fails_at_thirteen).take(a_batch(20))
    letter = await trial.letter()
    later = [record("sender-3", number) for number in range(1000, 1200)]

    async def keep_taking() -> None:
        for place in range(0, len(later), 10):
            await consumer(trial).take(later[place : place + 10])

    await asyncio.gather(keep_taking(), consumer(trial).settle(letter, how=REPLAYED, by="x", why="y"))
    each_once(
        [(each, n) for each, n in await trial.effects() if each == "sender-3"],
        {("sender-3", n) for n in [3, 8, 13, 18, *range(1000, 1200)]},
    )
    in_order(await trial.effects())
    assert await trial.count("parked") == 0


async def test_a_cancelled_error_out_of_a_handler_is_an_ordinary_bug(trial: Trial) -> None:
    """FastStream's consume loop would end silently, and the process live on."""

    async def gives_up(events: Sequence[FeedReceived], session: AsyncSession) -> list[Event]:
        if any(event.accepted == 13 for event in events):
            raise asyncio.CancelledError
        return await note(events, session)

    await consumer(trial, gives_up).take(a_batch(20))
    assert await trial.count("dead_letter") == 1
    assert len(await trial.effects()) == 18


async def test_a_handler_that_takes_too_long_is_isolated_like_any_other_bug(trial: Trial) -> None:
    async def dawdles(events: Sequence[FeedReceived], session: AsyncSession) -> list[Event]:
        if any(event.accepted == 3 for event in events):
            await asyncio.Event().wait()
        return await note(events, session)

    await consumer(trial, dawdles, time_limit=0.3).take(a_batch(4, senders=4))
    assert [number for _, number in await trial.effects()] == [0, 1, 2]
    assert await trial.count("dead_letter") == 1


async def test_an_event_too_large_to_say_is_a_bug_of_whoever_says_it(trial: Trial) -> None:
    async def boasts(events: Sequence[FeedReceived], session: AsyncSession) -> list[Event]:
        await note(events, session)
        return [FeedResumed(occurred_at=BEGAN, sender="x" * 300_000) for event in events if event.accepted == 2]

    await consumer(trial, boasts).take(a_batch(4, senders=4))
    assert [number for _, number in await trial.effects()] == [0, 1, 3]
    assert await trial.count("dead_letter") == 1
    assert await trial.count("outbox") == 0


# --- bad data --------------------------------------------------------------------------------------------------------


async def test_an_unreadable_record_holds_its_key_and_no_other(trial: Trial) -> None:
    records = [record("a", 1), record("a", 2, value=HALF_A_DOCUMENT), record("a", 3), record("b", 4)]
    await consumer(trial).take(records)
    assert await trial.effects() == [("a", 1), ("b", 4)]
    await consumer(trial).take([record("a", 5)])
    assert await trial.numbers("a") == [1]
    await settle(trial, DISMISSED)
    assert await trial.numbers("a") == [1, 3, 5]


async def test_an_unreadable_record_that_comes_again_after_it_was_dismissed_holds_nothing_back(trial: Trial) -> None:
    records = [record("a", 1), record("a", 2, value=HALF_A_DOCUMENT), record("a", 3)]
    await consumer(trial).take(records)
    await settle(trial, DISMISSED)
    await consumer(trial).take([*records, record("a", 4)])
    assert await trial.numbers("a") == [1, 3, 4]
    assert await trial.count("parked") == 0
    assert await trial.count("dead_letter") == 1


async def test_a_replayed_letter_that_is_still_unreadable_stays_open(trial: Trial) -> None:
    await consumer(trial).take([record("a", 2, value=HALF_A_DOCUMENT), record("a", 3)])
    with pytest.raises(StillFailsError, match="json_invalid"):
        await settle(trial, REPLAYED)
    assert await trial.count("parked") == 1
    assert await trial.effects() == []


async def test_a_letter_shows_place_and_reason_and_never_a_value(trial: Trial) -> None:
    secret = b'{"occurred_at": "2026-11-24T10:00:00Z", "sender": "a", "accepted": "Maisie Fieldhouse"}'
    await consumer(trial).take([record("a", 7, value=secret), record("a", 8)])
    async with AsyncSession(trial.engine) as session:
        (letter,) = await dead_letters.open_letters(session)
    assert (letter.topic, letter.partition, letter.offset, letter.key) == ("trial", 0, 7, "a")
    assert (letter.reason, letter.place, letter.parked) == ("wrong_type", "accepted", 1)
    assert "Maisie" not in repr(letter)


@pytest.mark.parametrize(("topic", "kept"), [(Topic.TEXTS, None), (Topic.FEEDS, HALF_A_DOCUMENT)])
async def test_a_settled_letter_keeps_nothing_that_may_need_erasing(
    trial: Trial, topic: Topic, kept: bytes | None
) -> None:
    await consumer(trial, note).take([replace(record("a", 1), topic=topic.value, value=HALF_A_DOCUMENT)])
    assert await settle(trial, DISMISSED)
    async with trial.engine.connect() as connection:
        assert (await connection.execute(text("SELECT value FROM dead_letter"))).scalar_one() == kept


async def test_a_stream_that_is_mostly_bad_stops_the_consumer(trial: Trial) -> None:
    records = [record("a", n, value=HALF_A_DOCUMENT if n % 4 == 0 else None) for n in range(200)]
    stopping = consumer(trial)
    with pytest.raises(MostlyBadError):
        await stopping.take(records)
    assert stopping.stopped is not None
    assert await trial.effects() == []
    assert await trial.count("dead_letter") == 0


async def test_a_stream_that_is_a_little_bad_goes_on(trial: Trial) -> None:
    records = [record(f"s{n}", n, value=HALF_A_DOCUMENT if n % 6 == 0 else None) for n in range(240)]
    await consumer(trial).take(records)
    assert await trial.count("dead_letter") == 40
    assert len(await trial.effects()) == 200


@pytest.mark.parametrize(
    "headers",
    [
        [("ce_type", b"FeedReceived"), ("ce_id", b"\xff\xfe")],
        [("ce_type", None), ("ce_id", None)],
        [("ce_type", b"\xff")],
        [],
    ],
)
async def test_no_header_that_can_be_written_breaks_the_reading(
    trial: Trial, headers: list[tuple[str, bytes | None]]
) -> None:
    await consumer(trial).take([replace(record("a", 1), headers=headers), record("b", 2)])
    assert ("b", 2) in await trial.effects()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"null",
        b"[]",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"occurred_at": "0001-01-01T00:00:00+14:00", "sender": "a", "accepted": 1, "duplicate": 0, "quarantined": 0}',
        b'{"occurred_at": 1e400, "sender": "\\ud800", "accepted": 1}',
        b'{"occurred_at":"2026-11-24T10:00:00Z","sender":"\\u0000","accepted":1,"duplicate":0,"quarantined":0}',
        b"\xff\xfe\x00",
    ],
)
async def test_no_body_that_can_be_written_breaks_the_reading(trial: Trial, value: bytes) -> None:
    await consumer(trial).take([record("b", 1), record("a", 2, value=value), record("b", 3)])
    assert await trial.numbers("b") == [1, 3]


# --- the world is down -----------------------------------------------------------------------------------------------


async def test_a_lock_that_is_held_is_waited_for_and_nothing_is_set_aside(trial: Trial) -> None:
    impatient = create_engine(trial.url)
    async with impatient.begin() as other:
        await other.execute(text("LOCK TABLE effect IN ACCESS EXCLUSIVE MODE"))
        taking = asyncio.create_task(consumer(trial, _hurried).take(a_batch(10)))
        await eventually(lambda: metrics.RETRIES.labels("trial:trial", "DBAPIError")._value.get() > 0)
    await taking
    await impatient.dispose()
    assert len(await trial.effects()) == 10
    assert await trial.count("dead_letter") == 0


async def _hurried(events: Sequence[FeedReceived], session: AsyncSession) -> list[Event]:
    await session.execute(text("SET LOCAL lock_timeout = '50ms'"))
    return await note(events, session)


async def test_a_deadlock_is_tried_again(trial: Trial) -> None:
    once = iter([True])

    async def deadlocks(events: Sequence[FeedReceived], session: AsyncSession) -> list[Event]:
        if next(once, False):
            await session.execute(text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$"))
        return await note(events, session)

    await consumer(trial, deadlocks).take(a_batch(10))
    assert len(await trial.effects()) == 10
    assert await trial.count("dead_letter") == 0


async def test_a_missing_file_is_a_bug_and_does_not_hold_the_stream(trial: Trial) -> None:
    async def looks_for_a_file(events: Sequence[FeedReceived], session: AsyncSession) -> list[Event]:
        if any(event.accepted == 1 for event in events):
            raise FileNotFoundError(2, "No such file", "programme.yaml")
        return await note(events, session)

    await consumer(trial, looks_for_a_file).take(a_batch(3, senders=3))
    assert [number for _, number in await trial.effects()] == [0, 2]


async def test_a_connection_that_dies_in_the_middle_is_tried_again(trial: Trial) -> None:
    once = iter([True])

    async def loses_its_connection(events: Sequence[FeedReceived], session: AsyncSession) -> list[Event]:
        said = await note(events, session)
        if next(once, False):
            await _kill(trial.engine, session)
        return said

    await consumer(trial, loses_its_connection).take(a_batch(10))
    assert len(await trial.effects()) == 10
    assert await trial.count("outbox") == 10
    assert await trial.count("dead_letter") == 0


async def _kill(engine: AsyncEngine, session: AsyncSession) -> None:
    process = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    async with engine.connect() as other:
        await other.execute(text("SELECT pg_terminate_backend(:process)"), {"process": process})


# --- what follows from an event --------------------------------------------------------------------------------------


async def test_what_a_batch_says_is_traced_to_what_it_heard(trial: Trial) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    traced = replace(record("a", 1), headers=[*record("a", 1).headers, ("traceparent", trace.encode())])
    await consumer(trial).take([traced])
    async with trial.engine.connect() as connection:
        assert (await connection.execute(text("SELECT trace FROM outbox"))).scalars().all() == [trace]
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    assert carrier == {}


async def test_events_are_stored_in_the_order_in_which_the_handler_said_them(trial: Trial) -> None:
    await consumer(trial).take(a_batch(500, senders=500))
    async with trial.engine.connect() as connection:
        keys = (await connection.execute(text("SELECT key FROM outbox ORDER BY id"))).scalars().all()
    assert keys == [f"sender-{number}" for number in range(500)]
