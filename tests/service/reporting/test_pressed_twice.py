"""Buttons pressed twice in reporting: a report is begun, published and corrected once."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.service.reporting.telling import tell
from tests.service.reporting.test_reports import EDITION, a_history, begun
from tests.support.clients import client_as
from tests.support.delivery import said
from tests.support.pressing import BOTH_WAYS, assert_led_on, counted, send_twice
from tests.unit.reporting.histories import PROGRAMME

EDITIONS = "SELECT count(*) FROM report"
PRESSES: dict[str, tuple[str, dict[str, str], str]] = {
    "POST /reporting/reports": (
        "/reporting/reports",
        {"programme": str(PROGRAMME), "month": "2026-11"},
        EDITIONS,
    ),
    "POST /reporting/reports/{report_id}/{edition}/publish": (
        f"{EDITION}/publish",
        {},
        f"{EDITIONS} WHERE stage = 'published'",
    ),
    "POST /reporting/reports/{report_id}/{edition}/correct": (
        f"{EDITION}/correct",
        {"why": "A team was counted twice."},
        EDITIONS,
    ),
}


@BOTH_WAYS
@pytest.mark.parametrize("route", PRESSES)
async def test_a_form_sent_twice_does_it_once(app: FastAPI, engine: AsyncEngine, route: str, together: bool) -> None:
    address, fields, count = PRESSES[route]
    if address.startswith(EDITION):
        qa = await begun(app, engine)
        if address.endswith("/correct"):
            await qa.post(f"{EDITION}/publish")
    else:
        await tell(engine, a_history())
        qa = await client_as(app, "qa_manager")
    before, told = await counted(engine, count), len(await said(engine))
    assert_led_on(await send_twice(qa, address, fields, together=together))
    assert await counted(engine, count) == before + 1
    assert len(await said(engine)) - told == (1 if address.endswith("/publish") else 0)
    await qa.aclose()
