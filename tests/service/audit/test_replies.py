"""The practitioner's say, the loop beside the grade, and the programme page's forecast and checklist."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import httpx
import msgspec
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.audit import handlers
from services.audit.domain.programme import Programme
from services.audit.models import Audit, AuditState
from shared.events import (
    AccuracyAsked,
    ActionRaised,
    ActionReported,
    ActionVerified,
    ChallengeAnswered,
    FindingChallenged,
    LoopClosed,
    Role,
    TextErased,
)
from tests.service.audit.playing import MORNING, arrive, audits, day_opens, monday, of_type, open_briefing, withdrawn
from tests.service.audit.test_auditing import auditor, fields_of, filled
from tests.support.clients import client_as
from tests.support.delivery import deliver, said
from tests.unit.audit.council import case, identity, source


async def begun(app: FastAPI, engine: AsyncEngine) -> tuple[Programme, Audit]:
    """One case with its auditor."""
    plan = await open_briefing(engine, source().replace("expected_a_week: 60", "expected_a_week: 7.25"))
    await arrive(engine, case("one"))
    (audit,) = await audits(engine)
    return plan, audit


async def with_finding(browser: httpx.AsyncClient, address: str, plan: Programme) -> tuple[dict[str, str], str]:
    """The form filled in with one finding; the finding's id."""
    await browser.post(address, data={**filled(fields_of(await browser.get(address)), plan), "do": "add-finding"})
    fields = fields_of(await browser.get(address))
    finding = next(name for name in fields if name.startswith("findings.")).split(".")[1]
    told: Mapping[str, str] = {
        f"findings.{finding}.finding": "The plan has no dates.",
        f"findings.{finding}.domain": plan.domains[3],
        f"findings.{finding}.level": "practitioner",
        f"findings.{finding}.severity": "low",
        f"findings.{finding}.needs_action": "no",
    }
    return {**fields, **told}, finding


async def test_the_practitioner_comments_before_completion_and_silence_does_not_block(
    app: FastAPI, engine: AsyncEngine
) -> None:
    plan, audit = await begun(app, engine)
    address = f"/audit/audits/{audit.audit_id}"
    async with (
        await auditor(app, str(audit.auditor_id)) as reader,
        await client_as(app, Role.PRACTITIONER, person_id="worker-1") as practitioner,
    ):
        assert (await practitioner.get(address)).status_code == 404
        fields, _ = await with_finding(reader, address, plan)
        await reader.post(address, data={**fields, "do": "ask"})
        (asked,) = of_type(await said(engine), AccuracyAsked)
        assert asked.comment_by == date(2026, 11, 25)
        assert "The plan has no dates." in (await practitioner.get(address)).text
        await practitioner.post(f"{address}/comment", data={"comment": "The dates are in the review of May."})
        form = await reader.get(address)
        assert "The dates are in the review of May." in form.text
        done = await reader.post(address, data={**fields_of(form), "do": "complete"})
        assert done.status_code == 303
    assert [each.state for each in await audits(engine)] == [AuditState.COMPLETED]


async def test_a_finding_is_challenged_once_and_answered_with_a_reason(app: FastAPI, engine: AsyncEngine) -> None:
    plan, audit = await begun(app, engine)
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app, str(audit.auditor_id)) as reader:
        fields, finding = await with_finding(reader, address, plan)
        await reader.post(address, data={**fields, "do": "complete"})
    challenge = f"{address}/findings/{finding}/challenge"
    async with await client_as(app, Role.PRACTITIONER, person_id="worker-1") as practitioner:
        assert "The plan has no dates." in (await practitioner.get(challenge)).text
        assert (await practitioner.post(challenge, data={})).status_code == 422
        await practitioner.post(challenge, data={"words": "It has, on page three."})
        again = await practitioner.post(challenge, data={"words": "Once more."})
        assert again.status_code == 303
    async with await client_as(app, Role.PRACTITIONER, person_id="worker-2") as other:
        assert (await other.get(challenge)).status_code == 404
    events = await said(engine)
    (raised,) = of_type(events, FindingChallenged)
    async with await client_as(app, Role.QA_MANAGER, person_id="qa-1") as qa:
        await qa.post(
            f"{address}/challenges/{raised.challenge_id}/answer", data={"upheld": "yes", "answer": "So it is."}
        )
        await qa.post(f"{address}/challenges/{raised.challenge_id}/answer", data={"upheld": "no", "answer": "No."})
        shown = await qa.get(address)
    (answered,) = of_type(await said(engine), ChallengeAnswered)
    assert answered.upheld
    assert "So it is." in shown.text
    assert "It has, on page three." in shown.text


async def test_an_answer_puts_back_no_word_about_a_case_that_is_withdrawn(app: FastAPI, engine: AsyncEngine) -> None:
    plan, audit = await begun(app, engine)
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app, str(audit.auditor_id)) as reader:
        fields, finding = await with_finding(reader, address, plan)
        await reader.post(address, data={**fields, "do": "complete"})
    async with await client_as(app, Role.PRACTITIONER, person_id="worker-1") as practitioner:
        await practitioner.post(f"{address}/findings/{finding}/challenge", data={"words": "It has, on page three."})
    (raised,) = of_type(await said(engine), FindingChallenged)
    gone = withdrawn(audit, version=2)
    erased = of_type(await arrive(engine, gone), TextErased)
    assert raised.challenge_id in {each.text_id for each in erased}
    told_before = await said(engine)
    async with await client_as(app, Role.QA_MANAGER, person_id="qa-1") as qa:
        answer = {"upheld": "yes", "answer": "So it is."}
        refused = await qa.post(f"{address}/challenges/{raised.challenge_id}/answer", data=answer)
        assert refused.status_code == 303
        assert "nothing is left to answer" in (await qa.get(address)).text
    assert await said(engine) == told_before


async def test_the_grade_and_the_loop_stand_side_by_side(app: FastAPI, engine: AsyncEngine) -> None:
    plan, audit = await begun(app, engine)
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app, str(audit.auditor_id)) as reader:
        fields, finding = await with_finding(reader, address, plan)
        await reader.post(address, data={**fields, "do": "complete"})
        about = {"occurred_at": MORNING, "audit_id": audit.audit_id, "action_id": identity("action")}
        raised = msgspec.convert(
            {
                **about,
                "version": 1,
                "finding_id": finding,
                "child_id": audit.child_id,
                "programme_id": audit.programme_id,
                "theme_id": audit.theme_id,
                "auditor_id": audit.auditor_id,
                "owner_id": "worker-1",
                "team_id": audit.team_id,
                "domain": "x",
                "severity": "low",
                "rag": "green",
                "due_on": monday(2),
                "due_at": MORNING,
                "working_days": 5,
            },
            ActionRaised,
        )
        reported = msgspec.convert({**about, "version": 2, "by": "worker-1"}, ActionReported)
        await deliver(engine, handlers.router, raised, reported)
        assert "1 action reported done" in (await reader.get("/audit/inbox")).text
        verified = msgspec.convert({**about, "version": 3, "by": "x", "in_time": True}, ActionVerified)
        closed = LoopClosed(
            occurred_at=MORNING,
            version=4,
            audit_id=audit.audit_id,
            before="red",
            after="green",
            working_days=3,
            actions=1,
        )
        await deliver(engine, handlers.router, raised, verified, closed)
        shown = await reader.get(address)
    assert "The loop is closed: 1 of 1 action verified" in shown.text


async def test_the_programme_page_forecasts_each_theme_and_keeps_its_checklist(
    app: FastAPI, engine: AsyncEngine
) -> None:
    plan = await open_briefing(engine)
    for week in (2, 3, 4):
        await day_opens(engine, monday(week))
    address = f"/audit/programmes/{plan.programme_id}"
    async with await client_as(app, Role.QA_MANAGER) as browser:
        page = await browser.get(address)
        assert "Repeat section 47" in page.text
        assert "will end at" in page.text
        assert "Short" in page.text
        await browser.post(f"{address}/ready", data={"item": "dpia", "note": "Reference 12"})
        assert (await browser.post(f"{address}/ready", data={"item": "nonsense"})).status_code == 404
        assert "Reference 12" in (await browser.get(address)).text


async def test_what_an_absent_auditor_has_not_begun_goes_to_a_colleague(app: FastAPI, engine: AsyncEngine) -> None:
    text = source().replace("expected_a_week: 60", "expected_a_week: 7.25")
    leave = "  - person: auditor-1\n    hours_a_week: 30\n    leave: [{from: 2026-12-01, to: 2026-12-04}]"
    await open_briefing(engine, text.replace("  - person: auditor-1\n    hours_a_week: 30", leave))
    await arrive(engine, *[case(f"case {number}") for number in range(8)])
    held = [audit.audit_id for audit in await audits(engine) if audit.auditor_id == "auditor-1"]
    assert held
    async with engine.begin() as connection:
        await connection.execute(sa.text("UPDATE audit SET saved = 1 WHERE audit_id = :id"), {"id": held[0]})
    await day_opens(engine, date(2026, 12, 1))
    after = {audit.audit_id: audit.auditor_id for audit in await audits(engine)}
    assert after[held[0]] == "auditor-1"
    assert all(after[audit_id] != "auditor-1" for audit_id in held[1:])


async def test_a_draft_that_seems_to_name_somebody_is_warned_of_and_kept(app: FastAPI, engine: AsyncEngine) -> None:
    _, audit = await begun(app, engine)
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app, str(audit.auditor_id)) as reader:
        fields = fields_of(await reader.get(address))
        await reader.post(address, data={**fields, "difference": "Mrs Example rang 0191 496 0000.", "do": "save"})
        page = await reader.get(address)
    assert "a telephone number and a name" in page.text
    assert "Mrs Example rang" in page.text
