"""Buttons pressed twice in audit: a concern, a challenge, a referral, a programme, an audit completed are made once."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.events import Role
from tests.service.audit.playing import audits
from tests.service.audit.test_auditing import auditor, fields_of, filled
from tests.service.audit.test_by_hand import REASON, waiting_case
from tests.service.audit.test_concerns import FORM, one_audit, raised
from tests.service.audit.test_replies import begun, with_finding
from tests.support.clients import client_as
from tests.support.delivery import said
from tests.support.pressing import BOTH_WAYS, Arrange, Ready, assert_led_on, counted, send_twice
from tests.unit.audit.council import source


async def a_concern(app: FastAPI, engine: AsyncEngine) -> Ready:
    audit_id, auditor_id = await one_audit(engine)
    return Ready(await auditor(app, auditor_id), f"/audit/audits/{audit_id}/concern", FORM)


async def an_acknowledgement(app: FastAPI, engine: AsyncEngine) -> Ready:
    address = await raised(app, engine)
    told = await client_as(app, Role.HEAD_OF_SERVICE, person_id="manager-2", services=("children",))
    return Ready(told, f"{address}/acknowledge", {})


async def a_closing(app: FastAPI, engine: AsyncEngine) -> Ready:
    address = await raised(app, engine)
    told = await client_as(app, Role.TEAM_MANAGER, person_id="manager-2", manages=("assessment-north",))
    return Ready(told, f"{address}/close", {"made_safe": "She stays with her grandmother."})


async def _asked(app: FastAPI, engine: AsyncEngine, do: str) -> tuple[str, str]:
    plan, audit = await begun(app, engine)
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app, str(audit.auditor_id)) as reader:
        fields, finding = await with_finding(reader, address, plan)
        await reader.post(address, data={**fields, "do": do})
    return address, finding


async def a_comment(app: FastAPI, engine: AsyncEngine) -> Ready:
    address, _ = await _asked(app, engine, "ask")
    practitioner = await client_as(app, Role.PRACTITIONER, person_id="worker-1")
    return Ready(practitioner, f"{address}/comment", {"comment": "The dates are in the review."})


async def a_challenge(app: FastAPI, engine: AsyncEngine) -> Ready:
    address, finding = await _asked(app, engine, "complete")
    practitioner = await client_as(app, Role.PRACTITIONER, person_id="worker-1")
    return Ready(practitioner, f"{address}/findings/{finding}/challenge", {"words": "It has, on page three."})


async def an_answer(app: FastAPI, engine: AsyncEngine) -> Ready:
    asked = await a_challenge(app, engine)
    await send_twice(asked.browser, asked.address, asked.fields, together=False)
    async with engine.connect() as connection:
        challenge_id = (await connection.exec_driver_sql("SELECT challenge_id FROM challenge")).scalar_one()
    qa = await client_as(app, Role.QA_MANAGER, person_id="qa-1")
    address = asked.address.partition("/findings/")[0]
    return Ready(qa, f"{address}/challenges/{challenge_id}/answer", {"upheld": "yes", "answer": "So it is."})


async def a_referral(app: FastAPI, engine: AsyncEngine) -> Ready:
    _, key = await waiting_case(engine)
    qa = await client_as(app, Role.QA_MANAGER)
    return Ready(qa, "/audit/referrals", {"case": "C-77", "work": key, **REASON})


async def a_programme(app: FastAPI, engine: AsyncEngine) -> Ready:
    return Ready(await client_as(app, Role.QA_MANAGER), "/audit/programmes/new", {"source": source()})


async def a_programme_by_program(app: FastAPI, engine: AsyncEngine) -> Ready:
    return Ready(await client_as(app, Role.QA_MANAGER), "/audit/programmes", source())


async def a_completion(app: FastAPI, engine: AsyncEngine) -> Ready:
    plan, audit = await begun(app, engine)
    browser, address = await auditor(app, str(audit.auditor_id)), f"/audit/audits/{audit.audit_id}"
    return Ready(browser, address, {**filled(fields_of(await browser.get(address)), plan), "do": "complete"})


async def an_amendment(app: FastAPI, engine: AsyncEngine) -> Ready:
    done = await a_completion(app, engine)
    assert not isinstance(done.fields, str)
    await done.browser.post(done.address, data=done.fields)
    said = fields_of(await done.browser.get(f"{done.address}/amend"))
    return Ready(done.browser, done.address, {**said, **AMENDED})


async def a_return(app: FastAPI, engine: AsyncEngine) -> Ready:
    _, audit = await begun(app, engine)
    browser = await auditor(app, str(audit.auditor_id))
    return Ready(browser, f"/audit/audits/{audit.audit_id}/return", {"reason": "conflict", "why": "Cousin."})


async def a_hand_over(app: FastAPI, engine: AsyncEngine) -> Ready:
    _, audit = await begun(app, engine)
    to = "auditor-1" if audit.auditor_id != "auditor-1" else "auditor-2"
    browser = await auditor(app, str(audit.auditor_id))
    return Ready(browser, f"/audit/audits/{audit.audit_id}/hand-over", {"to": to, "reason": "away", "why": ""})


AMENDED = {"grade": "amber", "grade_reason": "Late.", "reason": "New evidence.", "do": "complete"}
ROWS = "SELECT count(*) FROM {}"
PRESSES: dict[str, tuple[Arrange, str]] = {
    "POST /audit/audits/{audit_id}/concern": (a_concern, ROWS.format("concern")),
    "POST /audit/concerns/{concern_id}/acknowledge": (
        an_acknowledgement,
        ROWS.format("concern WHERE acknowledged_at IS NOT NULL"),
    ),
    "POST /audit/concerns/{concern_id}/close": (a_closing, ROWS.format("concern WHERE closed_at IS NOT NULL")),
    "POST /audit/audits/{audit_id}/comment": (a_comment, ROWS.format("audit WHERE commented_at IS NOT NULL")),
    "POST /audit/audits/{audit_id}/findings/{finding_id}/challenge": (a_challenge, ROWS.format("challenge")),
    "POST /audit/audits/{audit_id}/challenges/{challenge_id}/answer": (
        an_answer,
        ROWS.format("challenge WHERE answer IS NOT NULL"),
    ),
    "POST /audit/referrals": (a_referral, ROWS.format("audit WHERE by_hand")),
    "POST /audit/programmes/new": (a_programme, ROWS.format("programme_version")),
    "POST /audit/programmes": (a_programme_by_program, ROWS.format("programme_version")),
    "POST /audit/audits/{audit_id}": (a_completion, ROWS.format("audit WHERE state = 'completed'")),
    "POST /audit/audits/{audit_id} (an amendment)": (an_amendment, ROWS.format("amendment")),
    "POST /audit/audits/{audit_id}/return": (a_return, ROWS.format("audit WHERE state = 'returned'")),
    "POST /audit/audits/{audit_id}/hand-over": (a_hand_over, ROWS.format("outbox WHERE type = 'CaseAllocated'")),
}

TOLD_OFF = {"POST /audit/programmes": "a program is told that this version is in force already"}


@BOTH_WAYS
@pytest.mark.parametrize("route", PRESSES)
async def test_a_form_sent_twice_does_it_once(app: FastAPI, engine: AsyncEngine, route: str, together: bool) -> None:
    arrange, count = PRESSES[route]
    ready = await arrange(app, engine)
    before = await counted(engine, count)
    told = len(await said(engine))
    answers = await send_twice(ready.browser, ready.address, ready.fields, together=together)
    assert_led_on(answers, TOLD_OFF.get(route))
    assert await counted(engine, count) == before + 1
    events = (await said(engine))[told:]
    assert len({each.json().decode() for each in events}) == len(events), "an event was said twice"
    await ready.browser.aclose()
    assert len(await audits(engine, standing=False)) <= 2
