"""Cases chosen by hand: possible, marked, outside every count of the draw."""

from __future__ import annotations

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.audit import handlers
from services.audit.domain.sampling import Outcome
from services.audit.models import AuditState
from shared.events import AssessmentRecorded, CaseSampled, ChildLinked, Role
from tests.service.audit.playing import MORNING, arrive, audits, decisions, done, open_briefing
from tests.support.clients import client_as
from tests.support.delivery import deliver, said
from tests.unit.audit.council import case, identity, source

REASON = {"because": "The third referral in a year."}


async def waiting_case(engine: AsyncEngine) -> tuple[AssessmentRecorded, str]:
    """A case that was not drawn, and its key in the form."""
    plan = await open_briefing(engine, source().replace("expected_a_week: 60", "expected_a_week: 10000"))
    only = case("only")
    await arrive(engine, only)
    await deliver(engine, handlers.router, ChildLinked(occurred_at=MORNING, child_id=only.child_id, case_id="C-77"))
    return only, f"{plan.programme_id}/{only.assessment_id}"


async def test_a_managers_referral_is_audited_and_marked_and_counts_in_no_target(
    app: FastAPI, engine: AsyncEngine
) -> None:
    only, key = await waiting_case(engine)
    async with await client_as(app, Role.TEAM_MANAGER, manages=("assessment-north",)) as browser:
        shown = await browser.get("/audit/referrals", params={"case": "C-77"})
        assert key in shown.text
        answer = await browser.post("/audit/referrals", data={"case": "C-77", "work": key, **REASON})
    assert answer.status_code == 303
    (audit,) = await audits(engine)
    assert (audit.by_hand, audit.state, audit.assessment_id) == (True, AuditState.ALLOCATED, only.assessment_id)
    assert (await done(engine))["assessment-team"] == 0
    assert next(event for event in await said(engine) if isinstance(event, CaseSampled)).by_hand


async def test_verify_counts_cases_by_hand_apart(app: FastAPI, engine: AsyncEngine) -> None:
    _, key = await waiting_case(engine)
    async with await client_as(app, Role.QA_MANAGER) as browser:
        await browser.post("/audit/referrals", data={"case": "C-77", "work": key, **REASON})
        programme_id = key.partition("/")[0]
        answer = (await browser.get(f"/audit/programmes/{programme_id}/verify.json")).json()
    assert answer == {"verified": True, "draws": 0, "by_hand": 1, "re_audits": 0, "problems": []}


async def test_another_teams_manager_finds_nothing_to_refer(app: FastAPI, engine: AsyncEngine) -> None:
    _, key = await waiting_case(engine)
    async with await client_as(app, Role.TEAM_MANAGER, manages=("front-door",)) as browser:
        assert "No work found" in (await browser.get("/audit/referrals", params={"case": "C-77"})).text
        answer = await browser.post("/audit/referrals", data={"case": "C-77", "work": key, **REASON})
    assert answer.status_code == 422
    assert await audits(engine) == []


async def test_a_case_is_chosen_once_and_with_a_reason(app: FastAPI, engine: AsyncEngine) -> None:
    _, key = await waiting_case(engine)
    async with await client_as(app, Role.QA_MANAGER) as browser:
        assert (await browser.post("/audit/referrals", data={"case": "C-77", "work": key})).status_code == 422
        await browser.post("/audit/referrals", data={"case": "C-77", "work": key, **REASON})
        other = {**REASON, "because": "Another reason."}
        again = await browser.post("/audit/referrals", data={"case": "C-77", "work": key, **other})
    assert again.status_code == 422
    assert len(await audits(engine)) == 1


async def test_a_case_kept_out_by_an_earlier_audit_of_the_child_may_be_referred(
    app: FastAPI, engine: AsyncEngine
) -> None:
    plan = await open_briefing(engine, source().replace("expected_a_week: 60", "expected_a_week: 7.25"))
    child = identity("one child")
    await arrive(engine, case("first", child_id=child))
    again = case("again", child_id=child)
    await arrive(engine, again)
    await deliver(engine, handlers.router, ChildLinked(occurred_at=MORNING, child_id=child, case_id="C-78"))
    async with await client_as(app, Role.QA_MANAGER) as browser:
        key = f"{plan.programme_id}/{again.assessment_id}"
        await browser.post("/audit/referrals", data={"case": "C-78", "work": key, **REASON})
        answer = (await browser.get(f"/audit/programmes/{plan.programme_id}/verify.json")).json()
    assert answer["verified"], answer
    assert answer["by_hand"] == 1
    assert {row.outcome for row in await decisions(engine)} == {Outcome.DRAWN, Outcome.BY_HAND}
