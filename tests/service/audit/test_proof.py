"""The proof: what was published replays, and whoever tampers with it is found out."""

from __future__ import annotations

import random
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine

from services.audit import audits as lives
from services.audit import leaving
from services.audit.domain.programme import Programme
from services.audit.domain.proof import Proof, prove
from services.audit.domain.sampling import priority
from services.audit.models import DrawLog, ProgrammeRow
from services.audit.moves import ReturnReason
from services.audit.standings import in_force
from shared.db import sessions
from shared.events import EVENTS, AssessmentWithdrawn, Decision, DrawEvent, DrawsDecided, Role, ThemeWeekOpened
from tests.service.audit.playing import MORNING, arrive, audits, day_opens, monday, open_briefing
from tests.support.clients import client_as
from tests.unit.audit.council import OPENS_ON, case, identity


async def played(engine: AsyncEngine) -> Programme:
    """Three weeks with families, a case given back, one withdrawn and a correction."""
    plan = await open_briefing(engine)
    rng = random.Random(5)
    for week in (1, 2, 3):
        day = monday(week)
        await day_opens(engine, day)
        work = [case(f"{week} a {n}", day=day, family_key=f"{week} {n // 2}" if n < 12 else None) for n in range(50)]
        work += [case(f"{week} e {n}", "enquiry", day, earlier_enquiries=n % 2) for n in range(20)]
        rng.shuffle(work)
        for at in range(0, len(work), 15):
            await arrive(engine, *work[at : at + 15])
    await give_back_one(engine)
    gone = (await audits(engine))[-1]
    await arrive(
        engine,
        AssessmentWithdrawn(
            occurred_at=MORNING,
            version=9,
            assessment_id=gone.assessment_id,
            child_id=gone.child_id,
            council="999",
            kind="assessment",
        ),
        case("1 a 49", day=monday(3), version=3, team_id="front-door"),
    )
    await day_opens(engine, monday(4))
    return plan


async def give_back_one(engine: AsyncEngine) -> None:
    first = (await audits(engine))[0]
    async with sessions(engine)() as session, session.begin():
        (standing,) = await in_force(session)
        audit = await lives.locked(session, first.audit_id)
        await leaving.give_back(session, standing, audit, reason=ReturnReason.CONFLICT, why="", at=MORNING)


async def published(engine: AsyncEngine) -> tuple[list[DrawEvent], bytes]:
    """What was published, in order for each theme, and the seed."""
    async with sessions(engine)() as session:
        rows = (await session.execute(sa.select(DrawLog).order_by(DrawLog.theme_id, DrawLog.version))).scalars()  # type: ignore[arg-type]
        events = [msgspec.json.decode(row.body, type=EVENTS[row.type]) for row in rows]
        seed = (await session.execute(sa.select(ProgrammeRow))).scalar_one().seed
    return [event for event in events if isinstance(event, DrawEvent)], seed


async def test_three_weeks_with_families_returns_withdrawals_and_corrections_replay(engine: AsyncEngine) -> None:
    await played(engine)
    events, seed = await published(engine)
    proof = prove(events, seed)
    assert proof.problems == []
    assert proof.drawn == {audit.assessment_id for audit in await audits(engine)}
    assert proof.draws == len(await audits(engine, standing=False))


async def test_verify_answers_over_http(app: FastAPI, engine: AsyncEngine) -> None:
    plan = await played(engine)
    async with await client_as(app, Role.QA_MANAGER) as browser:
        answer = (await browser.get(f"/audit/programmes/{plan.programme_id}/verify.json")).json()
        unknown = await browser.get(f"/audit/programmes/{UUID(int=1)}/verify.json")
    assert answer == {
        "verified": True,
        "draws": len(await audits(engine, standing=False)),
        "by_hand": 0,
        "re_audits": 0,
        "problems": [],
    }
    assert unknown.status_code == 404


async def test_an_audit_that_nobody_drew_is_found_out(app: FastAPI, engine: AsyncEngine) -> None:
    plan = await played(engine)
    async with engine.begin() as connection:
        await connection.execute(sa.text("UPDATE audit SET by_hand = true WHERE state = 'allocated'"))
    async with await client_as(app, Role.QA_MANAGER) as browser:
        answer = (await browser.get(f"/audit/programmes/{plan.programme_id}/verify.json")).json()
    assert answer["verified"] is False


def tampered(events: list[DrawEvent], change: str) -> list[DrawEvent]:
    """The same record with one decision changed."""
    at = next(n for n, event in enumerate(events) if isinstance(event, DrawsDecided) and len(event.decisions) > 3)
    event = events[at]
    assert isinstance(event, DrawsDecided)
    decisions = list(event.decisions)
    first = decisions[1]
    opposite = "not_drawn" if first.outcome == "drawn" else "drawn"
    changes: dict[str, dict[str, object]] = {
        "another outcome": {"outcome": opposite},
        "another priority": {"priority": 0.000001},
        "another case": {"assessment_id": identity("a favourite"), "unit": None},
    }
    if change == "one left out":
        del decisions[1]
    elif change == "one twice":
        decisions.insert(1, first)
    else:
        decisions[1] = msgspec.convert({**structs.asdict(first), **changes[change]}, Decision)
    return [*events[:at], structs.replace(event, decisions=tuple(decisions)), *events[at + 1 :]]


TAMPERINGS = ("another outcome", "another priority", "another case", "one left out", "one twice")


async def test_every_tampering_is_found_out(engine: AsyncEngine) -> None:
    await played(engine)
    events, seed = await published(engine)
    for change in TAMPERINGS:
        assert not prove(tampered(events, change), seed).verified, change
    assert not prove(events, b"another seed").verified
    assert not prove(events[1:], seed).verified


def test_nothing_published_proves_nothing_wrong() -> None:
    assert prove([], b"seed") == Proof()


@pytest.mark.parametrize("outcome", ["returned", "filled", "replacement", "ineligible", "unheard of"])
def test_a_decision_on_a_case_that_never_came_does_not_follow(outcome: str) -> None:
    about = {"occurred_at": MORNING, "programme_id": identity("p"), "theme_id": "risk", "week": 1}
    opened = msgspec.convert(
        {**about, "version": 1, "opens_on": OPENS_ON, "want": 5, "threshold": 0.5, "expected": 10, "target": 50},
        ThemeWeekOpened,
    )
    decision = Decision(
        assessment_id=identity("x"), sequence=1, priority=priority(b"s", identity("x")), outcome=outcome
    )
    decided = msgspec.convert({**about, "version": 2, "decisions": (decision,)}, DrawsDecided)
    assert not prove([opened, decided], b"s").verified


async def test_a_case_whose_family_is_corrected_keeps_the_priority_that_it_came_with(engine: AsyncEngine) -> None:
    """It filled its week under the new family's name, and the seed did not give that the priority it was drawn at."""
    await open_briefing(engine)
    work = [case(f"before {n}", day=OPENS_ON, family_key=f"family {n}") for n in range(12)]
    await arrive(engine, *work)
    await arrive(engine, *(structs.replace(each, version=2, family_key="another") for each in work))
    await day_opens(engine, monday(2))
    events, seed = await published(engine)
    assert any(
        decision.outcome == "filled"
        for event in events
        if isinstance(event, DrawsDecided)
        for decision in event.decisions
    )
    assert prove(events, seed).problems == []
