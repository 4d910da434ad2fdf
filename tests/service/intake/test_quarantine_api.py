"""Quarantine for programs: what a page can do, they can."""

from __future__ import annotations

from datetime import date

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake import handlers
from shared.events import AssessmentRecorded, CmsEvent, CmsRecordPurged, EpisodeRecorded
from tests.service.intake.test_annex_a import LIST_7, PLAN_ENDS_FIRST, send, workbook
from tests.service.intake.test_finished_work import assessment, plan, purge_of_the_plan
from tests.support.clients import client_as
from tests.support.delivery import deliver, said

ENDS_FIRST = ("78", None, date(2021, 2, 4), "Yes", date(2021, 1, 8), "Moor", "Ann Li")
NOBODY = ("", None, date(2021, 2, 4), "Yes", date(2021, 2, 8), "", "")


async def first(http: httpx.AsyncClient, code: str) -> str:
    """The address of what waits for this reason."""
    listed = (await http.get(f"/intake/quarantine.json?reason={code}")).json()
    return f"/intake/quarantine/{listed['items'][0]['quarantine_id']}"


async def test_what_was_refused_is_listed_with_its_reasons_and_kept_fields(app: FastAPI) -> None:
    await send(app, workbook(ENDS_FIRST, NOBODY))
    async with await client_as(app, "business_support") as http:
        listed = (await http.get("/intake/quarantine.json")).json()
        address = await first(http, "ends_before_start")
        one = (await http.get(f"{address}/record.json")).json()
        nobody = await http.get("/intake/quarantine/00000000-0000-4000-8000-000000000000/record.json")
    assert {reason["code"]: reason["count"] for reason in listed["reasons"]} == {"ends_before_start": 1, "missing": 1}
    assert (listed["total"], listed["pages"]) == (2, 1)
    assert one["sentence"] == "It was authorised before it started"
    assert one["fields"]["finished_on"] == "2021-01-08"
    assert one["place"] == {"sheet": "List 4", "row": 2, "column": "ContinuousAssessmentAuthDate"}
    assert nobody.status_code == 404


async def test_an_administrator_sees_counts_and_no_values(app: FastAPI) -> None:
    await send(app, workbook(ENDS_FIRST))
    async with await client_as(app, "administrator") as http:
        listed = (await http.get("/intake/quarantine.json")).json()
    assert [reason["count"] for reason in listed["reasons"]] == [1]
    assert listed["items"] == []


async def test_what_is_corrected_is_taken_in_once(app: FastAPI, engine: AsyncEngine) -> None:
    await send(app, workbook(ENDS_FIRST))
    async with await client_as(app, "business_support") as http:
        address = await first(http, "ends_before_start")
        wrong = await http.post(f"{address}/resubmit.json", json={"fields": {"finished_on": "31/02/2021"}})
        strange = await http.post(f"{address}/resubmit.json", json={"fields": {"surname": "Canary"}})
        right = await http.post(f"{address}/resubmit.json", json={"fields": {"finished_on": "2021-02-08"}})
        again = await http.post(f"{address}/resubmit.json", json={"fields": {"finished_on": "2021-02-08"}})
    assert wrong.status_code == 422
    assert wrong.json() == {"refused": "This is not a date that exists", "field": "finished_on"}
    assert strange.status_code == 422
    assert "Canary" not in strange.text
    (record,) = [event for event in await said(engine) if isinstance(event, AssessmentRecorded)]
    assert right.json()["assessment_id"] == str(record.assessment_id)
    assert right.json()["state"] == "resubmitted"
    assert again.status_code == 404


async def test_what_another_source_had_deleted_is_not_called_resubmitted(app: FastAPI, engine: AsyncEngine) -> None:
    """It was called resubmitted, and led to a record that is gone."""
    begun = assessment(child="78", started_on=date(2021, 2, 4), authorised_on=date(2021, 2, 8))
    gone = CmsRecordPurged(
        occurred_at=begun.occurred_at, version=2, council="999", id="A-1", child="78", kind="assessment"
    )
    await deliver(engine, handlers.router, begun, gone)
    await send(app, workbook(ENDS_FIRST))
    async with await client_as(app, "business_support") as http:
        address = await first(http, "ends_before_start")
        answer = await http.post(f"{address}/resubmit.json", json={"fields": {"finished_on": "2021-02-08"}})
        one = (await http.get(f"{address}/record.json")).json()
    assert answer.status_code == 422
    assert answer.json()["refused"].startswith("Another source had this deleted")
    assert one["state"] == "waiting"


async def test_a_plan_that_is_corrected_stands_as_the_file_would_have_said_it(
    app: FastAPI, engine: AsyncEngine
) -> None:
    await send(app, workbook(PLAN_ENDS_FIRST, header=LIST_7, sheet="List 7"))
    async with await client_as(app, "business_support") as http:
        address = await first(http, "ends_before_start")
        refused = (await http.get(f"{address}/record.json")).json()
        wrong = await http.post(f"{address}/resubmit.json", json={"fields": {"ended_on": "2021-02-03"}})
        strange = await http.post(
            f"{address}/resubmit.json", json={"fields": {"ended_on": "2021-03-08", "category": "unheard of"}}
        )
        right = await http.post(
            f"{address}/resubmit.json", json={"fields": {"ended_on": "2021-03-08", "category": "Neglect"}}
        )
        again = await http.post(f"{address}/resubmit.json", json={"fields": {"ended_on": "2021-03-08"}})
    assert refused["kind"] == "child_protection"
    assert refused["fields"] == {
        "child": "78",
        "started_on": "2021-02-04",
        "ended_on": "2021-01-08",
        "team": "Moor",
    }
    assert refused["place"] == {"sheet": "List 7", "row": 2, "column": "Child Protection Plan End Date"}
    assert wrong.json() == {"refused": "It ended before it started", "field": "ended_on"}
    assert strange.json()["field"] == "category"
    assert right.json()["state"] == "resubmitted"
    assert again.status_code == 404
    (plan,) = [event for event in await said(engine) if isinstance(event, EpisodeRecorded)]
    assert (plan.started_on, plan.ended_on, plan.category_of_abuse) == (date(2021, 2, 4), date(2021, 3, 8), "NEG")


async def test_a_correction_of_an_old_file_does_not_undo_what_a_newer_one_said(
    app: FastAPI, engine: AsyncEngine
) -> None:
    await send(app, workbook(PLAN_ENDS_FIRST, header=LIST_7, sheet="List 7"), as_of="2021-03-31")
    newer = ("78", date(2021, 2, 4), date(2021, 6, 1), "Moor")
    await send(app, workbook(newer, header=LIST_7, sheet="List 7"), as_of="2021-06-30")
    async with await client_as(app, "business_support") as http:
        address = await first(http, "ends_before_start")
        right = await http.post(f"{address}/resubmit.json", json={"fields": {"ended_on": "2021-03-08"}})
    assert right.json()["state"] == "resubmitted"
    (plan,) = [event for event in await said(engine) if isinstance(event, EpisodeRecorded)]
    assert plan.ended_on == date(2021, 6, 1)


async def test_a_plan_that_a_case_system_told_wrongly_is_corrected_too(app: FastAPI, engine: AsyncEngine) -> None:
    await deliver(engine, handlers.router, plan(ended_on=date(2026, 8, 1), team="moor"))
    async with await client_as(app, "business_support") as http:
        address = await first(http, "ends_before_start")
        right = await http.post(f"{address}/resubmit.json", json={"fields": {"ended_on": "2026-10-01"}})
    assert right.json()["state"] == "resubmitted"
    told = [event for event in await said(engine) if isinstance(event, EpisodeRecorded)]
    assert [(event.started_on, event.ended_on) for event in told] == [(date(2026, 9, 1), date(2026, 10, 1))]


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (purge_of_the_plan(version=2**63), "too_high"),
        (plan(council="998"), "another_council"),
        (assessment(council="998"), "another_council"),
    ],
    ids=["a purge", "another council's plan", "another council's assessment"],
)
async def test_what_is_not_for_us_to_correct_can_only_be_dismissed(
    app: FastAPI, engine: AsyncEngine, event: CmsEvent, code: str
) -> None:
    """Another council's record was taken in as ours by whoever pressed the button; a purge would have become work."""
    await deliver(engine, handlers.router, event)
    async with await client_as(app, "business_support") as http:
        address = await first(http, code)
        kept = (await http.get(f"{address}/record.json")).json()["fields"]
        page = (await http.get(address)).text
        taken = await http.post(f"{address}/resubmit.json", json={"fields": {}})
        dismissed = await http.post(f"{address}/dismiss.json", json={"why": "Not ours"})
    assert taken.status_code == 422
    assert "Take it in" not in page
    assert "Nothing of it could be read" not in page
    assert kept.get("child") == (None if code == "another_council" else "4410927")
    assert dismissed.json()["state"] == "dismissed"


async def test_what_is_dismissed_has_a_reason(app: FastAPI, engine: AsyncEngine) -> None:
    await send(app, workbook(ENDS_FIRST))
    async with await client_as(app, "business_support") as http:
        address = await first(http, "ends_before_start")
        silent = await http.post(f"{address}/dismiss.json", json={"why": " "})
        dismissed = await http.post(f"{address}/dismiss.json", json={"why": "Entered twice"})
        waiting = (await http.get("/intake/quarantine.json")).json()
        listed = (await http.get("/intake/quarantine.json?state=dismissed")).json()
    assert silent.status_code == 422
    assert dismissed.json()["why"] == "Entered twice"
    assert waiting["reasons"] == []
    assert [each["why"] for each in listed["items"]] == ["Entered twice"]
