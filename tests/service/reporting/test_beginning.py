"""Before anything has happened, every page says what would make it full."""

from __future__ import annotations

from fastapi import FastAPI

from shared.events import Role
from tests.support.clients import client_as


async def test_everybody_has_a_home_before_anything_has_happened(app: FastAPI) -> None:
    for role in Role:
        async with await client_as(app, role) as browser:
            answer = await browser.get("/")
        assert answer.status_code == 200, role
        assert len(answer.content) < 100_000


async def test_every_page_of_reports_has_its_empty_state(app: FastAPI) -> None:
    expected = {
        "/reporting/board": "No programme has been opened yet",
        "/reporting/trends": "No trend yet",
        "/reporting/reports": "No report yet",
        "/reporting/weeks/2026-11-23": "Nothing for any team this week",
        "/reporting/audits?status=completed": "None here",
        "/reporting/actions?status=overdue": "None here",
        "/search?q=1001": "Nothing found that you may see",
        "/search": "Case id, as the case management system writes it",
        "/help": "Help",
        "/accessibility": "Accessibility statement",
    }
    async with await client_as(app, "qa_manager") as browser:
        for address, words in expected.items():
            answer = await browser.get(address)
            assert answer.status_code == 200, address
            assert words in answer.text, address
