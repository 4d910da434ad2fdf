"""Every topic through its real consumer into PostgreSQL, in any order and more than once."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import AutoString

from services.reporting.handlers import measure
from services.reporting.metrics import FIGURE
from services.reporting.models import Table
from shared.db import sessions
from shared.events import (
    AssessmentRecorded,
    AssessmentWithdrawn,
    ChildLinked,
    ChildUnlinked,
    ConcernClosed,
    ConcernEscalated,
    Decision,
    DrawsDecided,
    Event,
    FeedEnded,
    FeedFellSilent,
    FeedReceived,
    FeedResumed,
    ThemeWeekClosed,
    ThemeWeekOpened,
    WorkersUnmatched,
)
from tests.service.reporting.telling import NOON, tell, the_programme
from tests.support.clients import client_as
from tests.unit.reporting.histories import (
    MORNING,
    PROGRAMME,
    a_closed_loop,
    an_action,
    an_amendment,
    an_audit,
    an_id,
)


async def rows(engine: AsyncEngine, statement: str) -> list[tuple[object, ...]]:
    async with engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(sa.text(statement))]


async def figures(app: FastAPI) -> dict[str, object]:
    async with await client_as(app, "qa_manager") as browser:
        answer = await browser.get("/reporting/figures.json")
    assert answer.status_code == 200
    said: dict[str, object] = answer.json()
    return said


def a_history() -> list[Event]:
    events: list[Event] = [the_programme()]
    for number in range(14):
        events += an_audit(number, theme=("neglect", "risk")[number % 2], rag=("red", "amber", "green")[number % 3])
    for number, until in enumerate(("verified", "raised", "reported", "returned", "verified")):
        events += an_action(number, until=until, in_time=number == 0)
    return [*events, a_closed_loop(0), a_closed_loop(4), an_amendment(5, "green", "risk")]


def a_re_audit(number: int, rag: str) -> list[Event]:
    """The case of audit `number`, looked at again by somebody else once its loop had closed."""
    again = {"audit_id": an_id("re-audit", number)}
    about = {**again, "re_audit_of": an_id("audit", number), "by_hand": True, "auditor_id": "auditor-2"}
    sampled, allocated, completed = an_audit(number, rag=rag)
    return [
        structs.replace(sampled, **{name: about[name] for name in ("audit_id", "re_audit_of", "by_hand")}),
        structs.replace(allocated, **again, auditor_id="auditor-2"),
        structs.replace(completed, **about),
    ]


def shuffled(events: list[Event], seed: int) -> list[Event]:
    """The same events with each topic's keys in order and everything else in any order."""
    queues: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in events:
        queues[event.topic, event.key].append(event)
    chance = random.Random(seed)
    slots = [key for key, queue in queues.items() for _ in queue]
    chance.shuffle(slots)
    return [queues[key].pop(0) for key in slots]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_figures_converge_whatever_order_the_topics_arrive_in(
    app: FastAPI, engine: AsyncEngine, seed: int
) -> None:
    await tell(engine, shuffled(a_history(), seed))
    said = await figures(app)
    seen = {code: figure["value"] for code, figure in said["figures"].items()}  # type: ignore[attr-defined]
    assert seen["audits_completed"] == 14
    assert (seen["audits_red"], seen["audits_amber"], seen["audits_green"]) == (5, 5, 4)
    assert (seen["actions_open"], seen["actions_overdue"]) == (2, 2)
    assert (seen["actions_reported"], seen["actions_verified"], seen["loops_closed"]) == (1, 2, 2)
    assert seen["age_audited"] == 4
    assert [(theme["name"], theme["completed"]) for theme in said["themes"]] == [  # type: ignore[attr-defined]
        ("Neglect", 7),
        ("Risk", 7),
    ]


async def test_events_told_twice_change_nothing(app: FastAPI, engine: AsyncEngine) -> None:
    history = a_history()
    ids = [uuid4() for _ in history]
    await tell(engine, history, ids)
    once = await figures(app)
    await tell(engine, history, ids)
    assert await figures(app) == once


async def test_the_schema_is_what_the_models_say(engine: AsyncEngine) -> None:
    """A migration written by hand must not drift from the tables that the code reads."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def differences(connection: sa.Connection) -> object:
        context = MigrationContext.configure(connection, opts={"include_name": is_ours, "compare_type": differs})
        return compare_metadata(context, Table.metadata)

    def is_ours(name: str | None, kind: str, parents: object) -> bool:
        return kind != "table" or name in Table.metadata.tables

    def differs(*types: object) -> bool | None:
        """SQLModel's strings are text without a length."""
        return False if isinstance(types[-1], AutoString) else None

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


def a_draw(version: int, kind: type[Event], **about: object) -> Event:
    return msgspec.convert(
        {"occurred_at": MORNING, "version": version, "programme_id": PROGRAMME, "theme_id": "risk", "week": 1} | about,
        kind,
    )


async def test_a_theme_week_keeps_what_arrived_and_what_was_drawn(engine: AsyncEngine) -> None:
    decision = Decision(assessment_id=an_id("a", 1), sequence=11, priority=0.4, outcome="not_drawn")
    opened = {"opens_on": date(2026, 11, 2), "want": 5, "threshold": 0.4, "expected": 12.0, "target": 65}
    await tell(
        engine, [a_draw(1, ThemeWeekOpened, **opened), a_draw(2, DrawsDecided, decisions=(structs.asdict(decision),))]
    )
    assert await rows(engine, "SELECT want, arrivals, drawn, closed FROM theme_week") == [(5, 11, None, False)]
    await tell(engine, [a_draw(3, ThemeWeekClosed, arrivals=12, drawn=5, weight=2.4)])
    assert await rows(engine, "SELECT want, arrivals, drawn, closed FROM theme_week") == [(5, 12, 5, True)]


async def test_a_sender_adds_up_and_falls_silent_and_is_heard_again(engine: AsyncEngine) -> None:
    counts = {"accepted": 3, "duplicate": 1, "quarantined": 2}
    await tell(
        engine,
        [
            FeedReceived(occurred_at=MORNING, version=1, sender="annex-a", **counts),
            FeedReceived(occurred_at=NOON, version=2, sender="annex-a", **counts),
            WorkersUnmatched(occurred_at=NOON, version=3, sender="annex-a", workers=4, teams=1),
            FeedFellSilent(occurred_at=NOON, version=4, sender="annex-a"),
        ],
    )
    statement = "SELECT accepted, duplicate, quarantined, unmatched_workers, silent, last_heard_at FROM feed"
    assert await rows(engine, statement) == [(6, 2, 4, 4, True, NOON)]
    await tell(engine, [FeedResumed(occurred_at=NOON, version=5, sender="annex-a")])
    assert (await rows(engine, "SELECT silent FROM feed")) == [(False,)]


async def test_a_sender_whose_feed_has_ended_is_silent_no_more_whatever_comes_late(engine: AsyncEngine) -> None:
    """It was listed as silent in every pack of the week, though nobody expected it any more."""
    silent, ended, resumed = (
        kind(occurred_at=NOON, version=version, sender="Case system")
        for version, kind in enumerate((FeedFellSilent, FeedEnded, FeedResumed), start=1)
    )
    statement = "SELECT silent, ended, version FROM feed"
    await tell(engine, [ended])
    for late in (silent, ended):
        await tell(engine, [late])
        assert await rows(engine, statement) == [(False, True, 2)]
    await tell(engine, [resumed])
    assert await rows(engine, statement) == [(False, False, 3)]


def an_assessment(version: int, day: date = date(2026, 11, 1)) -> AssessmentRecorded:
    return AssessmentRecorded(
        occurred_at=MORNING,
        version=version,
        assessment_id=an_id("assessment", 1),
        child_id=an_id("child", 1),
        council="999",
        kind="assessment",
        started_on=day,
        authorised_on=day,
        team_id="team-north",
        source="annex-a",
    )


async def test_an_assessment_keeps_its_newest_version_and_its_withdrawal(engine: AsyncEngine) -> None:
    await tell(engine, [an_assessment(2, date(2026, 11, 3)), an_assessment(1)])
    statement = "SELECT version, authorised_on, withdrawn FROM assessment"
    assert await rows(engine, statement) == [(2, date(2026, 11, 3), False)]
    await tell(engine, [an_assessment(1)])
    assert await rows(engine, statement) == [(2, date(2026, 11, 3), False)]
    withdrawn = AssessmentWithdrawn(
        occurred_at=NOON,
        version=3,
        assessment_id=an_id("assessment", 1),
        child_id=an_id("child", 1),
        council="999",
        kind="assessment",
    )
    await tell(engine, [withdrawn])
    assert await rows(engine, statement) == [(3, date(2026, 11, 3), True)]


async def test_a_case_id_that_is_erased_is_gone_and_an_older_link_does_not_bring_it_back(engine: AsyncEngine) -> None:
    child = an_id("child", 1)
    await tell(engine, [ChildLinked(occurred_at=MORNING, version=2, child_id=child, case_id="1001")])
    assert await rows(engine, "SELECT case_id FROM child") == [("1001",)]
    await tell(engine, [ChildUnlinked(occurred_at=NOON, version=3, child_id=child)])
    await tell(engine, [ChildLinked(occurred_at=MORNING, version=2, child_id=child, case_id="1001")])
    assert await rows(engine, "SELECT case_id FROM child") == [(None,)]


async def test_a_concern_stays_open_until_the_child_is_safe(app: FastAPI, engine: AsyncEngine) -> None:
    about: dict[str, Any] = {"audit_id": an_id("audit", 1), "concern_id": an_id("concern", 1)}
    raised = ConcernEscalated(
        occurred_at=NOON,
        version=4,
        child_id=an_id("child", 1),
        raised_by="auditor-1",
        recipients=("head-1",),
        acknowledge_by=NOON + timedelta(hours=2),
        **about,
    )
    await tell(engine, [the_programme(), *an_audit(1), raised])
    assert (await figures(app))["figures"]["concerns_open"]["value"] == 1  # type: ignore[index]
    await tell(engine, [ConcernClosed(occurred_at=NOON, version=6, closed_by="head-1", **about)])
    assert (await figures(app))["figures"]["concerns_open"]["value"] == 0  # type: ignore[index]


async def test_a_batch_that_changes_figures_wakes_the_open_pages(engine: AsyncEngine) -> None:
    heard: list[object] = []
    async with engine.connect() as listening:
        raw = await _raw(listening)
        await raw.add_listener("caseloop_reporting_changed", lambda *note: heard.append(note[3]))
        await tell(engine, an_audit(1))
        await raw.fetchval("SELECT 1")
        await raw.remove_listener("caseloop_reporting_changed", lambda *_: None)
    assert heard != []


async def _raw(connection: AsyncConnection):  # type: ignore[no-untyped-def]
    return (await connection.get_raw_connection()).driver_connection


async def test_the_figures_are_there_for_whoever_watches_the_system(engine: AsyncEngine) -> None:
    await tell(engine, a_history())
    async with sessions(engine)() as session:
        await measure(NOON, session)
    seen = {sample.labels["code"]: sample.value for metric in FIGURE.collect() for sample in metric.samples}
    assert (seen["audits_completed"], seen["actions_overdue"]) == (14, 2)
    assert math.isnan(seen["actions_in_time"])


async def test_a_re_audit_is_counted_apart_and_beside_the_first_audit_of_its_case(
    app: FastAPI, engine: AsyncEngine
) -> None:
    await tell(engine, shuffled([*a_history(), *a_re_audit(0, "green"), *a_re_audit(4, "amber")], 4))
    seen: dict[str, dict[str, object]] = (await figures(app))["figures"]  # type: ignore[assignment]
    assert (seen["cases_sampled"]["value"], seen["audits_completed"]["value"]) == (14, 14)
    assert [seen[f"audits_{rag}"]["value"] for rag in ("red", "amber", "green")] == [5, 5, 4]
    assert seen["re_audits"]["value"] == 2
    assert (seen["re_audits_better"]["part"], seen["re_audits_better"]["of"]) == (1, 2)
    async with await client_as(app, "qa_manager") as browser:
        first = await browser.get("/reporting/audits?status=completed")
        again = await browser.get("/reporting/audits?status=re-audits")
    assert "14 cases" in first.text
    assert "Re-audits completed" in again.text
    assert "2 cases" in again.text
