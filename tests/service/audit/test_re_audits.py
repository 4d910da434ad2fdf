"""A case whose loop has closed is audited again: by somebody else, beside the first audit, outside the figures."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.audit import handlers, re_audits
from services.audit.audits import locked
from services.audit.domain.programme import Programme
from services.audit.models import Audit, AuditState
from shared.db import sessions
from shared.events import (
    AuditCompleted,
    AuditWithdrawn,
    CaseAllocated,
    CaseReturned,
    CaseSampled,
    LoopClosed,
    LoopReopened,
    Role,
)
from tests.service.audit.playing import MORNING, arrive, audits, of_type, withdrawn
from tests.service.audit.test_auditing import auditor, fields_of, filled, looks_of
from tests.service.audit.test_replies import begun, with_finding
from tests.support.clients import client_as
from tests.support.delivery import deliver, last_outbox_id, said
from tests.support.eventually import eventually


def closed(audit: Audit, version: int = 3) -> LoopClosed:
    """Every action of the audit is verified."""
    return LoopClosed(
        occurred_at=MORNING,
        version=version,
        audit_id=audit.audit_id,
        before="red",
        after="red",
        working_days=4,
        actions=1,
    )


async def rated_red(app: FastAPI, engine: AsyncEngine) -> tuple[Programme, Audit]:
    """An audit with one finding, rated red and complete; its loop is open."""
    plan, audit = await begun(app, engine)
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app, str(audit.auditor_id)) as browser:
        fields, finding = await with_finding(browser, address, plan)
        asked = {
            f"findings.{finding}.finding": "The plan has no dates.",
            f"findings.{finding}.needs_action": "yes",
            f"findings.{finding}.action": "Date the plan.",
        }
        done = await browser.post(
            address, data={**fields, **asked, "grade": "red", "grade_reason": "No plan at all.", "do": "complete"}
        )
    assert done.status_code == 303, done.text
    return plan, audit


async def closed_loop(app: FastAPI, engine: AsyncEngine) -> tuple[Programme, Audit]:
    plan, audit = await rated_red(app, engine)
    await deliver(engine, handlers.router, closed(audit))
    return plan, audit


async def draw(app: FastAPI, audit: Audit) -> httpx.Response:
    """The QA manager presses the button; the page after it."""
    async with await client_as(app, Role.QA_MANAGER) as browser:
        await browser.post(f"/audit/audits/{audit.audit_id}/re-audit")
        return await browser.get(f"/audit/audits/{audit.audit_id}")


async def again(engine: AsyncEngine) -> Audit:
    """The re-audit."""
    (found,) = [each for each in await audits(engine, standing=False) if each.re_audit_of is not None]
    return found


async def complete_again(app: FastAPI, plan: Programme, audit: Audit, grade: str = "green") -> httpx.Response:
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app, str(audit.auditor_id)) as browser:
        form = await browser.get(address)
        await browser.post(address, data={**filled(fields_of(form), plan, grade), "do": "complete"})
    return form


async def test_a_re_audit_goes_to_somebody_else_and_is_marked(app: FastAPI, engine: AsyncEngine) -> None:
    _, first = await closed_loop(app, engine)
    page = await draw(app, first)
    audit = await again(engine)
    assert (audit.re_audit_of, audit.assessment_id, audit.by_hand) == (first.audit_id, first.assessment_id, True)
    assert audit.state == AuditState.ALLOCATED
    assert audit.auditor_id != first.auditor_id
    *_, sampled, allocated = await said(engine)
    assert isinstance(sampled, CaseSampled)
    assert isinstance(allocated, CaseAllocated)
    assert (sampled.re_audit_of, sampled.by_hand) == (first.audit_id, True)
    assert (allocated.audit_id, allocated.auditor_id) == (audit.audit_id, audit.auditor_id)
    assert "A re-audit was drawn" in page.text
    assert "Draw another re-audit" not in page.text


async def test_the_first_grade_and_findings_stand_beside_it_and_its_result_beside_the_first(
    app: FastAPI, engine: AsyncEngine
) -> None:
    plan, first = await closed_loop(app, engine)
    await draw(app, first)
    audit = await again(engine)
    form = await complete_again(app, plan, audit)
    assert "The plan has no dates." in form.text
    assert "This is a re-audit." in form.text
    assert ("audit read", "beside its re-audit") in await looks_of(app, str(audit.auditor_id))
    completed = of_type(await said(engine), AuditCompleted)[-1]
    assert (completed.re_audit_of, completed.grade) == (first.audit_id, "green")
    async with await client_as(app, Role.QA_MANAGER) as browser:
        of_first = (await browser.get(f"/audit/audits/{first.audit_id}")).text
        of_second = (await browser.get(f"/audit/audits/{audit.audit_id}")).text
        listed = (await browser.get(f"/audit/programmes/{plan.programme_id}/re-audits")).text
    for page in (of_first, of_second, listed):
        assert "Green at re-audit" in page
        assert "Better" in page
    assert "Draw another re-audit" in of_first
    assert "Of 1 re-audit completed, 1 rated the case better than before, 0 the same, 0 worse." in listed


async def test_nobody_is_their_own_sibling(app: FastAPI, engine: AsyncEngine) -> None:
    _, first = await closed_loop(app, engine)
    async with sessions(engine)() as session, session.begin():
        (await session.get_one(Audit, first.audit_id)).family_key = "family"
    await draw(app, first)
    audit = await again(engine)
    assert audit.family_key == "family"
    async with await client_as(app, Role.QA_MANAGER) as browser:
        assert 'id="siblings"' not in (await browser.get(f"/audit/audits/{audit.audit_id}")).text
    async with await auditor(app, str(audit.auditor_id)) as browser:
        assert 'id="siblings"' not in (await browser.get(f"/audit/audits/{audit.audit_id}")).text


async def test_a_reader_of_one_side_opens_no_other(app: FastAPI, engine: AsyncEngine) -> None:
    _, first = await closed_loop(app, engine)
    await draw(app, first)
    audit = await again(engine)
    async with await auditor(app, str(first.auditor_id)) as browser:
        beside = (await browser.get(f"/audit/audits/{first.audit_id}")).text
        refused = await browser.get(f"/audit/audits/{audit.audit_id}")
    assert "A re-audit was drawn" in beside
    assert "Read the re-audit" not in beside
    assert refused.status_code == 404
    async with await auditor(app, str(audit.auditor_id)) as browser:
        assert (await browser.get(f"/audit/audits/{first.audit_id}")).status_code == 404


async def test_before_the_loop_has_closed_none_is_drawn(app: FastAPI, engine: AsyncEngine) -> None:
    _, first = await rated_red(app, engine)
    page = await draw(app, first)
    assert "Its loop has not closed" in page.text
    await deliver(engine, handlers.router, closed(first))
    asked_again = LoopReopened(occurred_at=MORNING, version=4, audit_id=first.audit_id, days=1, because="reopened")
    await deliver(engine, handlers.router, asked_again)
    assert "Its loop has not closed" in (await draw(app, first)).text
    assert [each.audit_id for each in await audits(engine, standing=False)] == [first.audit_id]


async def test_a_case_that_came_back_after_its_loop_closed_may_be_audited_again(
    app: FastAPI, engine: AsyncEngine
) -> None:
    _, first = await closed_loop(app, engine)
    back = LoopReopened(occurred_at=MORNING, version=4, audit_id=first.audit_id, days=20, because="enquiry")
    await deliver(engine, handlers.router, back)
    page = await draw(app, first)
    assert "something happened since" in page.text
    assert (await again(engine)).re_audit_of == first.audit_id


@pytest.mark.parametrize("together", [True, False], ids=["at the same moment", "one after the other"])
async def test_two_presses_draw_one(app: FastAPI, engine: AsyncEngine, together: bool) -> None:
    _, first = await closed_loop(app, engine)
    address = f"/audit/audits/{first.audit_id}/re-audit"
    async with await client_as(app, Role.QA_MANAGER) as browser:
        if together:
            answers = list(await asyncio.gather(browser.post(address), browser.post(address)))
        else:
            answers = [await browser.post(address), await browser.post(address)]
    assert [answer.status_code for answer in answers] == [303, 303]
    sampled = of_type(await said(engine), CaseSampled)
    assert [event.re_audit_of for event in sampled] == [None, first.audit_id]
    await again(engine)


async def test_one_that_is_given_back_is_not_replaced_and_another_may_be_drawn(
    app: FastAPI, engine: AsyncEngine
) -> None:
    plan, first = await closed_loop(app, engine)
    await draw(app, first)
    audit = await again(engine)
    mark = await last_outbox_id(engine)
    async with await auditor(app, str(audit.auditor_id)) as browser:
        await browser.post(f"/audit/audits/{audit.audit_id}/return", data={"reason": "conflict", "why": "A cousin."})
    assert [type(event) for event in await said(engine, after=mark)] == [CaseReturned]
    await draw(app, first)
    open_now = [each for each in await audits(engine) if each.re_audit_of is not None]
    assert [each.state for each in open_now] == [AuditState.ALLOCATED]
    async with await client_as(app, Role.QA_MANAGER) as browser:
        proof = (await browser.get(f"/audit/programmes/{plan.programme_id}/verify.json")).json()
    assert proof["verified"], proof
    assert (proof["by_hand"], proof["re_audits"]) == (0, 1)


async def test_the_first_auditor_cannot_take_it_nor_is_it_offered_to_them(app: FastAPI, engine: AsyncEngine) -> None:
    plan, first = await closed_loop(app, engine)
    await draw(app, first)
    audit = await again(engine)
    async with await auditor(app, str(first.auditor_id)) as browser:
        assert f"free-{audit.audit_id}" not in (await browser.get("/audit/inbox")).text
        await browser.post(f"/audit/audits/{audit.audit_id}/claim")
        told = await browser.get("/audit/inbox")
    assert "they have audited this work before" in told.text
    assert (await again(engine)).auditor_id == audit.auditor_id
    third = next(each.person for each in plan.auditors if each.person not in {first.auditor_id, audit.auditor_id})
    async with await auditor(app, third) as browser:
        assert f"free-{audit.audit_id}" in (await browser.get("/audit/inbox")).text


async def test_it_counts_in_no_figure_of_the_sample(app: FastAPI, engine: AsyncEngine) -> None:
    plan, first = await closed_loop(app, engine)
    await draw(app, first)
    await complete_again(app, plan, await again(engine))
    async with await client_as(app, Role.QA_MANAGER) as browser:
        page = (await browser.get(f"/audit/programmes/{plan.programme_id}")).text
    assert "1 of 386" in page
    assert "1 red, 0 amber, 0 green" in page or "1 red" in page
    assert "1 green" not in page


async def test_a_withdrawn_case_ends_its_re_audit_and_replaces_nothing(app: FastAPI, engine: AsyncEngine) -> None:
    _, first = await closed_loop(app, engine)
    await draw(app, first)
    gone = withdrawn(first, version=9, at=MORNING + timedelta(hours=1))
    happened = await arrive(engine, gone)
    assert len(of_type(happened, AuditWithdrawn)) == 1
    assert of_type(happened, CaseSampled) == []
    assert "The sender withdrew the case" in (await draw(app, first)).text


async def test_nobody_but_the_qa_manager_draws_one(app: FastAPI, engine: AsyncEngine) -> None:
    plan, first = await closed_loop(app, engine)
    for role in (Role.LEAD_AUDITOR, Role.HEAD_OF_SERVICE, Role.ADMINISTRATOR, Role.TEAM_MANAGER):
        async with await client_as(app, role) as browser:
            assert (await browser.post(f"/audit/audits/{first.audit_id}/re-audit")).status_code == 404
            assert (await browser.get(f"/audit/programmes/{plan.programme_id}/re-audits")).status_code == 404
    assert len(await audits(engine, standing=False)) == 1


async def test_a_case_withdrawn_while_its_re_audit_is_drawn_ends_that_too(app: FastAPI, engine: AsyncEngine) -> None:
    plan, first = await closed_loop(app, engine)
    gone = withdrawn(first, version=9, at=MORNING + timedelta(hours=1))
    async with sessions(engine)() as session, session.begin():
        held = await locked(session, first.audit_id)
        await re_audits.draw(session, plan, held, by="qa-1", at=MORNING)
        withdrawing = asyncio.ensure_future(arrive(engine, gone))
        await eventually(lambda: _waits_for_a_lock(engine))
    happened = await withdrawing
    assert len(of_type(happened, AuditWithdrawn)) == 1
    assert (await again(engine)).state == AuditState.WITHDRAWN


async def test_a_re_audit_of_each_of_a_cases_audits_at_once_makes_two(app: FastAPI, engine: AsyncEngine) -> None:
    plan, first = await closed_loop(app, engine)
    await draw(app, first)
    second = await again(engine)
    await complete_again(app, plan, second)
    await deliver(engine, handlers.router, closed(second))
    async with sessions(engine)() as session, session.begin():
        await re_audits.draw(session, plan, await locked(session, first.audit_id), by="qa-1", at=MORNING)
        other = asyncio.ensure_future(draw(app, second))
        await eventually(lambda: _waits_for_a_lock(engine))
    await other
    drawn = [each for each in await audits(engine, standing=False) if each.re_audit_of]
    assert sorted(str(each.re_audit_of) for each in drawn if each.audit_id != second.audit_id) == sorted(
        [str(first.audit_id), str(second.audit_id)]
    )


async def _waits_for_a_lock(engine: AsyncEngine) -> bool:
    async with engine.connect() as connection:
        waiting = await connection.execute(
            sa.text(
                "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
                "AND wait_event_type = 'Lock')"
            )
        )
        return bool(waiting.scalar_one())
