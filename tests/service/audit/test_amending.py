"""Amendments: once however often they are sent, under ids of the audit's own, and gone with the case."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.audit.domain.programme import Programme
from shared.events import AuditAmended, Role, TextErased, TextWritten
from tests.service.audit.playing import arrive, of_type, withdrawn
from tests.service.audit.test_auditing import auditor, fields_of, filled
from tests.service.audit.test_replies import begun, with_finding
from tests.support.clients import client_as
from tests.support.delivery import said


@pytest.fixture
async def completed(app: FastAPI, engine: AsyncEngine) -> tuple[Programme, str, str]:
    """A completed audit's programme, address and auditor."""
    plan, audit = await begun(app, engine)
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app, str(audit.auditor_id)) as browser:
        await browser.post(address, data={**filled(fields_of(await browser.get(address)), plan), "do": "complete"})
    return plan, address, str(audit.auditor_id)


def new_finding(plan: Programme, finding: UUID | str) -> dict[str, str]:
    """A whole finding that the page did not have."""
    said = {"finding": "No dates.", "domain": plan.domains[3], "level": "team", "severity": "low", "needs_action": "no"}
    return {f"findings.{finding}.{name}": value for name, value in said.items()}


async def amend(browser: httpx.AsyncClient, address: str, fields: dict[str, str]) -> httpx.Response:
    return await browser.post(address, data={**fields, "reason": "Overlooked.", "do": "complete"})


async def test_an_amendment_that_is_sent_twice_is_made_once(
    app: FastAPI, engine: AsyncEngine, completed: tuple[Programme, str, str]
) -> None:
    plan, address, person = completed
    async with await auditor(app, person) as browser:
        fields = fields_of(await browser.get(f"{address}/amend")) | new_finding(plan, uuid4())
        first, second = await amend(browser, address, fields), await amend(browser, address, fields)
    assert first.status_code == second.status_code == 303
    assert len(of_type(await said(engine), AuditAmended)) == 1


async def test_an_amendment_cannot_take_the_id_of_another_audits_finding(
    app: FastAPI, engine: AsyncEngine, completed: tuple[Programme, str, str]
) -> None:
    plan, address, person = completed
    elsewhere = uuid4()
    async with await auditor(app, person) as browser:
        fields = fields_of(await browser.get(f"{address}/amend"))
        await amend(browser, address, fields | new_finding(plan, elsewhere))
        (amended,) = of_type(await said(engine), AuditAmended)
        (minted,) = (finding.finding_id for finding in amended.findings)
        assert minted != elsewhere
        assert elsewhere not in {text.text_id for text in of_type(await said(engine), TextWritten)}
        # It keeps its id through the next amendment.
        again = fields_of(await browser.get(f"{address}/amend"))
        await amend(browser, address, again | {f"findings.{minted}.finding": "Still no dates."})
    last = of_type(await said(engine), AuditAmended)[-1]
    assert [finding.finding_id for finding in last.findings] == [minted]


async def test_a_strength_that_an_amendment_took_out_is_erased_with_the_case(app: FastAPI, engine: AsyncEngine) -> None:
    plan, audit = await begun(app, engine)
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app, str(audit.auditor_id)) as browser:
        fields = filled(fields_of(await browser.get(address)), plan)
        await browser.post(address, data={**fields, "do": "add-strength"})
        fields = fields_of(await browser.get(address))
        strength = next(name for name in fields if name.startswith("strengths.")).split(".")[1]
        told = {
            f"strengths.{strength}.strength": "Her voice is there.",
            f"strengths.{strength}.domain": plan.domains[0],
        }
        await browser.post(address, data={**fields, **told, "do": "complete"})
        fields = fields_of(await browser.get(f"{address}/amend"))
        without = {name: value for name, value in fields.items() if not name.startswith("strengths.")}
        assert (await amend(browser, address, without)).status_code == 303
    gone = withdrawn(audit, version=2)
    erased = {event.text_id for event in of_type(await arrive(engine, gone), TextErased)}
    assert UUID(strength) in erased


async def test_who_looks_at_a_finding_to_challenge_it_leaves_a_trace(app: FastAPI, engine: AsyncEngine) -> None:
    plan, audit = await begun(app, engine)
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app, str(audit.auditor_id)) as reader:
        fields, finding = await with_finding(reader, address, plan)
        await reader.post(address, data={**fields, "do": "complete"})
    async with await client_as(app, Role.PRACTITIONER, person_id="worker-1") as practitioner:
        assert "The plan has no dates." in (await practitioner.get(f"{address}/findings/{finding}/challenge")).text
    async with engine.connect() as connection:
        query = sa.text("SELECT object_id FROM trail WHERE person_id = 'worker-1'")
        assert list((await connection.execute(query)).scalars()) == [str(audit.audit_id)]
