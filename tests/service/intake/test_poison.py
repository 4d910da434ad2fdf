"""What a sender can write and a database cannot hold: quarantined like anything else, and nothing waits behind it."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import col

from services.intake import handlers
from services.intake.models import Quarantined
from shared.events import AssessmentRecorded
from tests.service.intake.test_finished_work import assessment
from tests.support.delivery import deliver


@pytest.mark.parametrize("field", ["number", "child", "team", "worker", "family", "outcome", "authorised_by"])
async def test_a_nul_in_a_text_holds_nothing_back(engine: AsyncEngine, field: str) -> None:
    bad = assessment(**({"number": "A-0"} | {field: "x\x00y"}))
    said = await asyncio.wait_for(deliver(engine, handlers.router, bad, assessment()), 20)
    assert AssessmentRecorded in {type(event) for event in said}
    async with AsyncSession(engine) as session:
        kept = (await session.execute(sa.select(col(Quarantined.code), col(Quarantined.fields)))).all()
    assert len(kept) == 1
    assert not any("\x00" in value for value in kept[0].fields.values())
