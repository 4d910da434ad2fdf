"""What a sender can write and a database cannot hold: quarantined like anything else, and nothing waits behind it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import col

from services.intake import handlers
from services.intake.domain.refusal import Refusal
from services.intake.models import Quarantined
from services.intake.quarantine import Arrival, keep
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


@pytest.mark.parametrize("bad", ["x1\x00y", "x1\ud800y"])
async def test_what_is_quarantined_holds_only_what_the_database_can(engine: AsyncEngine, bad: str) -> None:
    """Incident: a code with a NUL in it, pushed over HTTP, answered 500 when it was to be quarantined."""
    refusal = Refusal("bad_code", "factors", "This is no code.")
    arrival = Arrival("dfe", "sender", refusal, b"whole", datetime.now(UTC), fields={"factors": bad, "id": bad})
    async with AsyncSession(engine) as session, session.begin():
        assert await keep(session, b"k" * 32, [arrival]) == [True]
    async with AsyncSession(engine) as session:
        kept = (await session.execute(sa.select(col(Quarantined.fields)))).scalar_one()
    assert set(kept) == {"factors", "id"}
