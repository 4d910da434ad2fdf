"""The same work by several roads and replicas at once: each piece is one record, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import date, timedelta

import httpx
import pytest
from fastapi import FastAPI
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake import handlers
from services.intake.settings import Settings
from shared.events import AssessmentRecorded, CmsAssessmentAuthorised
from tests.service.intake.test_annex_a import by_command_line, send, workbook
from tests.service.intake.test_finished_work import NOON
from tests.service.intake.test_push import ADDRESS, AUTHORISED, STARTED, assessed, supplier
from tests.support.delivery import deliver, said

__all__ = ["supplier"]

CHILDREN = 60


async def records(engine: AsyncEngine) -> list[AssessmentRecorded]:
    return [event for event in await said(engine) if isinstance(event, AssessmentRecorded)]


async def test_a_workbook_that_is_given_twice_at_once_doubles_nothing(app: FastAPI, engine: AsyncEngine) -> None:
    """Rows that differ only in what they say are pieces of their own; bad rows are quarantined once."""
    from services.intake.app import build

    other = build(Settings(database_url=engine.url.render_as_string(hide_password=False)))
    start, end = date(2021, 1, 4), date(2021, 2, 8)
    good = [(str(number), None, start, seen, end, "", "") for number in range(1, 401) for seen in ("Yes", "No")]
    bad = [(str(number), None, end, "Yes", start, "", "") for number in range(1, 401)]
    content = workbook(*good, *bad)
    answers = [answer.json() for answer in await asyncio.gather(send(app, content), send(other, content))]
    counts = {name: sum(each[name] for each in answers) for name in ("accepted", "duplicate", "quarantined")}
    assert counts == {"accepted": 800, "duplicate": 1200, "quarantined": 400}
    assert Counter(event.version for event in await records(engine)) == {1: 800}
    await other.state.service.engine.dispose()


def published(number: int) -> CmsAssessmentAuthorised:
    """What the supplier pushes of a child, as the case management system publishes it."""
    return CmsAssessmentAuthorised(
        occurred_at=NOON + timedelta(days=3650),
        council="999",
        id=f"K{number}",
        child=f"C{number}",
        started_on=date.fromisoformat(STARTED),
        authorised_on=date.fromisoformat(AUTHORISED),
    )


async def test_a_push_and_the_topic_at_once_make_one_record_of_each_assessment(
    app: FastAPI, engine: AsyncEngine, supplier: httpx.AsyncClient
) -> None:
    pushed = [assessed(f"C{number}", authorisation_date=AUTHORISED) for number in range(CHILDREN)]
    events = [published(number) for number in range(CHILDREN)]
    answers = await asyncio.gather(
        supplier.post(ADDRESS, json=pushed),
        deliver(engine, handlers.router, *events),
        supplier.post(ADDRESS, json=pushed[::-1]),
        deliver(engine, handlers.router, *(structs.replace(event, version=2) for event in events[::-1])),
    )
    assert [answer.status_code for answer in answers if isinstance(answer, httpx.Response)] == [200, 200]
    recorded = [event for event in await records(engine) if event.kind == "assessment"]
    assert len({event.assessment_id for event in recorded}) == CHILDREN


@pytest.mark.parametrize("turned", [False, True])
async def test_two_pushes_that_bring_the_same_bad_children_at_once_are_both_answered(
    engine: AsyncEngine, supplier: httpx.AsyncClient, turned: bool
) -> None:
    """In another order, they would each hold what the other waits for."""
    bad = [assessed(f"C{number}", authorisation_date="1985-01-01") for number in range(CHILDREN)]
    answers = await asyncio.gather(
        *(supplier.post(ADDRESS, json=bad[::-1] if turned and each % 2 else bad) for each in range(4))
    )
    assert [answer.status_code for answer in answers] == [200] * 4
    outcomes = [answer.headers["caseloop-outcome"] for answer in answers]
    assert sum(f"quarantined={CHILDREN}" in outcome for outcome in outcomes) == 1


async def test_a_sender_is_added_once_however_often_at_once(app: FastAPI) -> None:
    async with by_command_line(app) as http:
        answers = await asyncio.gather(*(http.post("/intake/senders", json={"name": "Twin"}) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 422, 422]
