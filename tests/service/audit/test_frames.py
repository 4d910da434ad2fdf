"""Programmes over open cases: the frame is folded from what intake says, and each week samples what is open then."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine

from services.audit import handlers
from services.audit.domain.programme import Programme
from services.audit.domain.programme_file import ProgrammeError
from services.audit.domain.proof import Proof, prove
from services.audit.domain.sampling import Outcome, priority
from services.audit.models import AuditState, DrawLog, OpenCase, ProgrammeRow
from shared.access import Role
from shared.db import sessions
from shared.events import (
    EVENTS,
    CaseReturned,
    CaseSampled,
    Decision,
    DrawEvent,
    DrawsDecided,
    EpisodeRecorded,
    EpisodeWithdrawn,
    Event,
    ThemeWeekOpened,
)
from tests.service.audit.playing import MORNING, audits, day_opens, decisions, monday, of_type, open_briefing
from tests.support.clients import client_as
from tests.support.delivery import deliver
from tests.unit.audit.council import OPENS_ON, TEMPLATES, case, identity


def plan(name: object, kind: str = "child_in_need", version: int = 1, ended_on: date | None = None) -> EpisodeRecorded:
    """A plan that has been open for two months, until a day if one is given."""
    return EpisodeRecorded(
        occurred_at=MORNING,
        version=version,
        episode_id=identity(f"episode {name}"),
        child_id=identity(f"child of {name}"),
        council="999",
        kind=kind,
        started_on=OPENS_ON - timedelta(days=60),
        ended_on=ended_on,
        source="cms",
    )


def children_in_need(target: int) -> str:
    """The shipped programme over child in need plans, eight weeks long, for a small council."""
    return (TEMPLATES / "children-in-need.yaml").read_text().replace("target: 60", f"target: {target}")


async def proof(engine: AsyncEngine, programme: Programme) -> Proof:
    """What the replay of the programme's published draws comes to."""
    async with sessions(engine)() as session:
        rows = (await session.execute(sa.select(DrawLog).order_by(DrawLog.theme_id, DrawLog.version))).scalars()  # type: ignore[arg-type]
        events = [msgspec.json.decode(row.body, type=EVENTS[row.type]) for row in rows]
        seed = (await session.get_one(ProgrammeRow, programme.programme_id)).seed
    return prove([event for event in events if isinstance(event, DrawEvent)], seed)


async def seed_of(engine: AsyncEngine, programme: Programme) -> bytes:
    """The seed of its draw."""
    async with sessions(engine)() as session:
        return (await session.get_one(ProgrammeRow, programme.programme_id)).seed


async def test_the_lowest_priorities_of_all_that_is_open_are_drawn_as_the_week_opens(engine: AsyncEngine) -> None:
    await deliver(engine, handlers.router, *(plan(n) for n in range(30)), plan("case", kind="case"))
    programme = await open_briefing(engine, children_in_need(target=24))
    drawn = await audits(engine)
    seed = await seed_of(engine, programme)
    lowest = sorted((identity(f"episode {n}") for n in range(30)), key=lambda unit: priority(seed, unit))[:3]
    assert {audit.assessment_id for audit in drawn} == set(lowest)
    assert {(audit.kind, audit.outcome, audit.authorised_on) for audit in drawn} == {
        ("child_in_need", Outcome.FILLED, OPENS_ON)
    }
    assert (await proof(engine, programme)).verified


async def test_week_by_week_the_target_is_met_from_what_is_open_then_and_nothing_is_drawn_twice(
    engine: AsyncEngine,
) -> None:
    await deliver(engine, handlers.router, *(plan(n) for n in range(20)))
    programme = await open_briefing(engine, children_in_need(target=16))
    for week in range(2, 10):
        await deliver(engine, handlers.router, plan(f"later {week}"))
        await day_opens(engine, monday(week))
    drawn = await audits(engine)
    assert len({audit.assessment_id for audit in drawn}) == len(drawn) == 16
    assert {audit.week for audit in drawn} == set(range(1, 9))
    shown = await proof(engine, programme)
    assert (shown.problems, len(shown.drawn)) == ([], 16)


async def test_a_plan_that_ended_while_it_waited_is_never_drawn_and_one_in_hand_goes_on(engine: AsyncEngine) -> None:
    await deliver(engine, handlers.router, *(plan(n) for n in range(10)))
    programme = await open_briefing(engine, children_in_need(target=8))
    (first,) = await audits(engine)
    ended = [plan(n, version=2, ended_on=OPENS_ON + timedelta(days=2)) for n in range(8)]
    await deliver(engine, handlers.router, *ended)
    for week in range(2, 10):
        await day_opens(engine, monday(week))
    drawn = {audit.assessment_id: audit.state for audit in await audits(engine)}
    open_still = {identity(f"episode {n}") for n in (8, 9)}
    assert set(drawn) == open_still | {first.assessment_id}
    assert drawn[first.assessment_id] == AuditState.ALLOCATED
    assert (await proof(engine, programme)).problems == []


async def test_a_purged_plan_leaves_the_frame_and_its_audit_is_replaced(engine: AsyncEngine) -> None:
    await deliver(engine, handlers.router, *(plan(n) for n in range(10)))
    programme = await open_briefing(engine, children_in_need(target=8))
    (first,) = await audits(engine)
    purged = EpisodeWithdrawn(
        occurred_at=MORNING,
        version=2,
        episode_id=first.assessment_id,
        child_id=first.child_id,
        council="999",
        kind=first.kind,
    )
    happened = await deliver(engine, handlers.router, purged)
    (sampled,) = of_type(happened, CaseSampled)
    assert sampled.assessment_id != first.assessment_id
    assert [audit.assessment_id for audit in await audits(engine)] == [sampled.assessment_id]
    async with sessions(engine)() as session:
        assert await session.get(OpenCase, first.assessment_id) is None
    assert (await proof(engine, programme)).verified


async def test_a_child_whose_work_was_audited_lately_is_left_out(engine: AsyncEngine) -> None:
    await deliver(engine, handlers.router, *(plan(n) for n in range(9)))
    await open_briefing(engine)
    children = {n: identity(f"child of {n}") for n in range(9)}
    work = [case(f"work {n}", child_id=child) for n, child in children.items()]
    await deliver(engine, handlers.router, *work)
    await day_opens(engine, monday(2))
    audited = {audit.child_id for audit in await audits(engine)}
    await open_briefing(engine, children_in_need(target=8), at=MORNING + timedelta(weeks=1))
    for week in range(3, 11):
        await day_opens(engine, monday(week))
    again = [audit for audit in await audits(engine) if audit.kind == "child_in_need"]
    assert audited
    assert {audit.child_id for audit in again} == set(children.values()) - audited


async def test_who_did_the_last_finished_work_holds_the_plan_and_no_colleague_audits_it(engine: AsyncEngine) -> None:
    await deliver(engine, handlers.router, plan("held", kind="case"))
    finished = case("work", child_id=identity("child of held"), worker_id="worker-7", team_id="front-door")
    await deliver(engine, handlers.router, finished)
    await deliver(engine, handlers.router, structs.replace(plan("held"), episode_id=identity("the plan")))
    conflict = "hours_a_week: 30\n    conflicts: {people: [worker-7]}"
    text = children_in_need(target=1).replace("hours_a_week: 30", conflict, 1)
    await open_briefing(engine, text)
    for week in range(2, 10):
        await day_opens(engine, monday(week))
    (audit,) = await audits(engine)
    assert (audit.worker_id, audit.team_id, audit.auditor_id) == ("worker-7", "front-door", "auditor-2")


async def test_an_older_version_changes_nothing(engine: AsyncEngine) -> None:
    await deliver(engine, handlers.router, plan(1, version=3, ended_on=OPENS_ON))
    await deliver(engine, handlers.router, plan(1, version=2))
    async with sessions(engine)() as session:
        row = await session.get_one(OpenCase, identity("episode 1"))
    assert (row.version, row.ended_on) == (3, OPENS_ON)


async def test_finished_work_is_no_candidate_of_a_programme_over_open_cases(engine: AsyncEngine) -> None:
    await deliver(engine, handlers.router, *(plan(n) for n in range(8)))
    programme = await open_briefing(engine, children_in_need(target=8))
    await deliver(engine, handlers.router, case("work"))
    of_programme = {row.assessment_id for row in await decisions(engine) if row.programme_id == programme.programme_id}
    assert of_programme == {identity(f"episode {n}") for n in range(8)}


async def test_a_frame_of_thousands_fits_the_outbox(engine: AsyncEngine) -> None:
    await deliver(engine, handlers.router, *(plan(n) for n in range(2100)))
    programme = await open_briefing(engine, children_in_need(target=80))
    assert len(await audits(engine)) == 10
    assert (await proof(engine, programme)).verified


async def test_more_audits_than_open_cases_are_refused_with_the_line(engine: AsyncEngine) -> None:
    await deliver(engine, handlers.router, *(plan(n) for n in range(7)))
    with pytest.raises(ProgrammeError, match="theme 1, target: 8 audits from 7 open cases"):
        await open_briefing(engine, children_in_need(target=8))


FRAMED = {
    "children-in-need": "child_in_need",
    "edge-of-care": "child_protection",
    "high-cost-placements": "placement",
    "discharge-of-care": "placement",
}


async def test_every_template_over_open_cases_opens_once_its_feed_is_there(app: FastAPI, engine: AsyncEngine) -> None:
    async with await client_as(app, Role.QA_MANAGER) as browser:
        for name in FRAMED:
            refused = await browser.post("/audit/programmes", content=(TEMPLATES / f"{name}.yaml").read_text())
            assert (refused.status_code, "no feed brings" in refused.text) == (422, True)
        known = [plan(f"{kind} {n}", kind=kind) for kind in sorted(set(FRAMED.values())) for n in range(70)]
        await deliver(engine, handlers.router, *known, *(plan(n) for n in range(70)))
        for name in FRAMED:
            opened = await browser.post("/audit/programmes", content=(TEMPLATES / f"{name}.yaml").read_text())
            assert opened.status_code == 201, opened.text
            verified = await browser.get(f"/audit/programmes/{opened.json()['id']}/verify.json")
            assert verified.json()["verified"] is True
            assert verified.json()["draws"] > 0
    assert {"child_in_need", "placement"} < {audit.kind for audit in await audits(engine)} | {"child_protection"}


async def test_the_inbox_and_the_case_say_what_was_open(app: FastAPI, engine: AsyncEngine) -> None:
    await deliver(engine, handlers.router, *(plan(n) for n in range(8)))
    await open_briefing(engine, children_in_need(target=8))
    (audit,) = await audits(engine)
    async with await client_as(app, Role.AUDITOR, person_id=str(audit.auditor_id)) as browser:
        inbox = await browser.get("/audit/inbox")
        page = await browser.get(f"/audit/audits/{audit.audit_id}")
    assert "Open child in need plans" in inbox.text
    assert "Open on" in inbox.text
    assert "Open today" not in inbox.text
    assert "Child in need plan, started" in page.text
    assert "among the lowest of all that was open" in page.text


async def test_progress_over_open_cases_counts_no_share_that_is_near_live_and_says_why(
    app: FastAPI, engine: AsyncEngine
) -> None:
    await deliver(engine, handlers.router, *(plan(n) for n in range(8)))
    programme = await open_briefing(engine, children_in_need(target=8))
    finished = await open_briefing(engine)
    async with await client_as(app, Role.QA_MANAGER) as browser:
        over_open = await browser.get(f"/audit/programmes/{programme.programme_id}")
        over_work = await browser.get(f"/audit/programmes/{finished.programme_id}")
    assert ("drawn within 7 days" in over_open.text, "so it has no age" in over_open.text) == (False, True)
    assert ("drawn within 7 days" in over_work.text, "so it has no age" in over_work.text) == (True, False)


def frame_week(week: int, version: int, **changed: object) -> ThemeWeekOpened:
    """A week over the frame that wants nothing."""
    about = {"occurred_at": MORNING, "programme_id": identity("p"), "theme_id": "plans", "frame": True}
    return msgspec.convert(
        {
            **about,
            "version": version,
            "week": week,
            "opens_on": OPENS_ON,
            "want": 0,
            "threshold": 0,
            "expected": 1,
            "target": 5,
            **changed,
        },
        ThemeWeekOpened,
    )


def test_a_case_of_the_frame_cannot_stand_twice_in_one_week() -> None:
    arrived = Decision(
        assessment_id=identity("x"), sequence=1, priority=priority(b"s", identity("x")), outcome="not_drawn"
    )
    about = {"occurred_at": datetime(2026, 11, 23, tzinfo=UTC), "programme_id": identity("p"), "theme_id": "plans"}
    twice = (arrived, structs.replace(arrived, sequence=2))
    decided = msgspec.convert({**about, "week": 1, "version": 2, "decisions": twice}, DrawsDecided)
    assert prove([frame_week(1, 1), decided], b"s").problems == [
        "plans, week 1: decision 2 (not_drawn): the case was decided before"
    ]


def held(name: object, worker_id: str | None, team_id: str | None, version: int = 1) -> EpisodeRecorded:
    """A plan whose sender says who holds it."""
    return structs.replace(plan(name, version=version), worker_id=worker_id, team_id=team_id)


async def test_whom_the_sender_names_holds_the_plan_whoever_did_the_last_finished_work(engine: AsyncEngine) -> None:
    finished = [case(f"work {n}", child_id=identity(f"child of {n}"), worker_id="worker-7") for n in range(8)]
    await deliver(engine, handlers.router, *(held(n, "worker-9", "front-door") for n in range(8)))
    await deliver(engine, handlers.router, *finished)
    await open_briefing(engine, children_in_need(target=8))
    (audit,) = await audits(engine)
    assert (audit.worker_id, audit.team_id) == ("worker-9", "front-door")


async def test_nobody_audits_the_plan_that_they_hold_nor_one_of_a_team_they_declared(engine: AsyncEngine) -> None:
    await deliver(engine, handlers.router, *(held(n, f"auditor-{1 + n % 2}", "front-door") for n in range(8)))
    text = children_in_need(target=8).replace(
        "hours_a_week: 30", "hours_a_week: 30\n    conflicts: {teams: [front-door]}", 1
    )
    await open_briefing(engine, text)
    for week in range(2, 10):
        await day_opens(engine, monday(week))
    drawn = await audits(engine)
    assert len(drawn) == 8
    assert not [audit for audit in drawn if audit.auditor_id in {audit.worker_id, "auditor-1"}]


async def test_an_auditor_to_whom_the_plan_turns_out_to_belong_loses_the_case(engine: AsyncEngine) -> None:
    await deliver(engine, handlers.router, *(plan(n) for n in range(8)))
    await open_briefing(engine, children_in_need(target=8))
    (audit,) = await audits(engine)
    number = next(n for n in range(8) if identity(f"episode {n}") == audit.assessment_id)
    happened = await deliver(engine, handlers.router, held(number, audit.auditor_id, "front-door", version=2))
    (after,) = await audits(engine)
    assert (after.worker_id, after.team_id) == (audit.auditor_id, "front-door")
    assert after.auditor_id not in {None, audit.auditor_id}
    assert [event.reason for event in of_type(happened, CaseReturned)] == ["conflict"]
    assert of_type(await deliver(engine, handlers.router, held(number, audit.auditor_id, "front-door", 3)), Event) == []


async def test_a_head_of_service_sees_the_audit_of_a_plan_that_a_team_of_theirs_holds(
    app: FastAPI, engine: AsyncEngine
) -> None:
    await deliver(engine, handlers.router, *(held(n, "worker-9", "front-door") for n in range(8)))
    await open_briefing(engine, children_in_need(target=8))
    (audit,) = await audits(engine)
    asked = f"/audit/assessments/{audit.assessment_id}"
    async with await client_as(app, Role.HEAD_OF_SERVICE, person_id="head-1", services=["children"]) as browser:
        assert "that was open when it began" in (await browser.get(asked)).text
    async with await client_as(app, Role.HEAD_OF_SERVICE, person_id="head-2", services=["adults"]) as browser:
        assert "Nothing is known of this case" in (await browser.get(asked)).text
