"""A correction may show who did the work: then nobody of them goes on auditing it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine

from services.audit import handlers
from services.audit.models import Audit, AuditState, Flag, HandOver
from services.audit.moves import handed_over
from shared.db import sessions
from shared.events import AuditWithdrawn, CaseAllocated, CaseReturned
from tests.service.audit.playing import MORNING, arrive, audits, of_type, open_briefing, withdrawn
from tests.support.delivery import deliver
from tests.unit.audit.council import case, source


@pytest.mark.parametrize("behind", ["worker_id", "authorised_by"])
async def test_a_case_leaves_the_auditor_who_turns_out_to_have_done_the_work(engine: AsyncEngine, behind: str) -> None:
    await open_briefing(engine, source().replace("expected_a_week: 60", "expected_a_week: 7.25"))
    await arrive(engine, case("one"))
    (before,) = await audits(engine)
    async with sessions(engine)() as session, session.begin():
        session.add(before)
        before.form, before.saved = '{"difference": "Mine."}', 3
    told = await deliver(
        engine, handlers.router, structs.replace(case("one"), **{"version": 2, behind: before.auditor_id})
    )
    (after,) = await audits(engine)
    assert after.auditor_id not in {None, before.auditor_id}
    assert (after.state, after.form, after.saved) == (AuditState.ALLOCATED, "{}", 0)
    (returned,), (allocated,) = of_type(told, CaseReturned), of_type(told, CaseAllocated)
    assert (returned.auditor_id, returned.reason, allocated.auditor_id) == (
        before.auditor_id,
        "conflict",
        after.auditor_id,
    )
    assert before.version < returned.version < allocated.version


async def test_a_withdrawn_case_that_is_told_again_stays_marked_on_its_old_audit(engine: AsyncEngine) -> None:
    await open_briefing(engine, source().replace("expected_a_week: 60", "expected_a_week: 7.25"))
    await arrive(engine, case("one"))
    (audit,) = await audits(engine)
    gone = withdrawn(audit, version=2)
    await arrive(engine, gone)
    await arrive(engine, case("one", version=3, occurred_at=MORNING + timedelta(hours=1)))
    (old,) = await audits(engine, standing=False)
    assert old.flag == Flag.WITHDRAWN


@pytest.mark.parametrize("was", [AuditState.ALLOCATED, AuditState.RETURNED])
async def test_a_withdrawn_case_loses_every_word_whatever_its_audit_had_come_to(
    engine: AsyncEngine, was: AuditState
) -> None:
    """Incident: only a completed audit lost its words; a case given back kept its draft and the reason for good."""
    await open_briefing(engine, source().replace("expected_a_week: 60", "expected_a_week: 7.25"))
    await arrive(engine, case("one"))
    (audit,) = await audits(engine)
    async with sessions(engine)() as session, session.begin():
        held = await session.get_one(Audit, audit.audit_id)
        held.state, held.form, held.comment = was, '{"difference": "Her brother."}', "It was her uncle."
        held.chosen_by, held.chosen_because = "manager-1", "Her mother rang."
        session.add(handed_over(held, "auditor-2", "auditor-1", "I know her aunt.", MORNING))
    gone = withdrawn(audit, version=2)
    told = of_type(await arrive(engine, gone), AuditWithdrawn)
    async with sessions(engine)() as session:
        kept = await session.get_one(Audit, audit.audit_id)
        (handed,) = (await session.execute(sa.select(HandOver))).scalars()
    assert (kept.form, kept.comment, kept.chosen_because, handed.reason) == ("{}", None, "", "")
    assert (kept.flag, len(told)) == (Flag.WITHDRAWN, 1 if was == AuditState.ALLOCATED else 0)
