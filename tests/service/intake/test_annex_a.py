"""An Annex A file becomes records; each row of Lists 1, 3, 4 and 5 comes to exactly one thing."""

from __future__ import annotations

from datetime import date
from io import BytesIO

import httpx
import xlsxwriter
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.access import sessions
from shared.access.sessions import read_key, sign_system
from shared.events import AssessmentRecorded, ChildLinked, EpisodeRecorded
from tests.service.intake.conftest import sample
from tests.support.clients import client
from tests.support.delivery import said

WORKBOOK = "annex_a/Annex_A_liia_sample.xlsx"

LIST_4 = (
    "Child Unique ID",
    "Date of Birth",
    "Continuous Assessment Start Date",
    "Child Seen During Continuous Assessment",
    "ContinuousAssessmentAuthDate",
    "Allocated Team",
    "Allocated Worker",
)


def workbook(*rows: tuple[object, ...], header: tuple[str, ...] = LIST_4, sheet: str = "List 4") -> bytes:
    """A workbook of one list."""
    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True, "default_date_format": "dd/mm/yyyy"})
    page = book.add_worksheet(sheet)
    for number, row in enumerate((header, *rows)):
        for column, value in enumerate(row):
            page.write(number, column, value)
    book.close()
    return content.getvalue()


def by_command_line(app: FastAPI, *roles: str) -> httpx.AsyncClient:
    """The command line's own session."""
    key = read_key(app.state.service.settings.session_key_file)
    return client(app, sign_system(key, *(roles or ("administrator", "business_support"))))


async def send(app: FastAPI, content: bytes, as_of: str = "2021-03-12", name: str = "annex-a.xlsx") -> httpx.Response:
    """Give a file to intake as the command line does."""
    assert sessions.COOKIE
    async with by_command_line(app) as http:
        return await http.post("/intake/imports/annex-a", files={"file": (name, content)}, data={"as_of": as_of})


async def test_the_sample_is_taken_whole_once_and_a_second_run_accepts_none(app: FastAPI, engine: AsyncEngine) -> None:
    content = sample(WORKBOOK).read_bytes()
    first = (await send(app, content)).json()
    assert first["accepted"] + first["duplicate"] + first["quarantined"] == 5 + 6 + 5 + 5
    assert first["accepted"] == 21
    assert first["context"] == {"child_in_need": 5, "child_protection": 7, "looked_after": 5}
    events = await said(engine)
    kinds = [event.kind for event in events if isinstance(event, AssessmentRecorded)]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "contact": 5,
        "referral": 6,
        "assessment": 5,
        "enquiry": 5,
    }
    # 20 with work, and 17 whom only Lists 6 to 8 name
    assert sum(isinstance(event, ChildLinked) for event in events) == 37
    second = (await send(app, content)).json()
    assert (second["accepted"], second["duplicate"], second["quarantined"]) == (0, 21, 0)
    assert len(await said(engine)) == len(events)


async def test_no_name_of_a_worker_travels_and_no_birth_date_is_stored(app: FastAPI, engine: AsyncEngine) -> None:
    row = ("77", date(2015, 1, 25), date(2021, 1, 4), "Yes", date(2021, 2, 8), "Moor", "Canary\xa0Worker")
    await send(app, workbook(row))
    (record,) = [event for event in await said(engine) if isinstance(event, AssessmentRecorded)]
    assert record.worker_id is not None
    assert record.worker_id.startswith("n-")
    assert record.unmatched == ("worker_id", "team_id")
    assert record.age_band == "5-9"
    assert "Canary" not in record.json().decode()


async def test_bad_rows_are_quarantined_with_their_place_and_the_rest_goes_through(app: FastAPI) -> None:
    good = ("77", None, date(2021, 1, 4), "a) Yes", date(2021, 2, 8), "#N/A", "#N/A")
    ends_first = ("78", None, date(2021, 2, 4), "Yes", date(2021, 1, 8), "", "")
    nobody = ("", None, date(2021, 2, 4), "Yes", date(2021, 2, 8), "", "")
    content = workbook(good, ends_first, nobody)
    first = (await send(app, content)).json()
    assert first == {"accepted": 1, "duplicate": 0, "quarantined": 2, "context": {}}
    assert (await send(app, content)).json() == {"accepted": 0, "duplicate": 3, "quarantined": 0, "context": {}}


LIST_7 = ("Child Unique ID", "Child Protection Plan Start Date", "Child Protection Plan End Date", "Allocated Team")
PLAN_ENDS_FIRST = ("78", date(2021, 2, 4), date(2021, 1, 8), "Moor")


async def test_bad_rows_of_plans_are_quarantined_too_and_the_rest_is_kept(app: FastAPI, engine: AsyncEngine) -> None:
    """They were counted and listed with the file, where nobody could correct or dismiss them."""
    good = ("77", date(2021, 2, 4), None, "Moor")
    nobody = ("", date(2021, 2, 4), None, "Moor")
    content = workbook(good, PLAN_ENDS_FIRST, nobody, header=LIST_7, sheet="List 7")
    first = (await send(app, content)).json()
    assert first == {"accepted": 0, "duplicate": 0, "quarantined": 2, "context": {"child_protection": 1}}
    assert len([event for event in await said(engine) if isinstance(event, EpisodeRecorded)]) == 1
    again = (await send(app, content)).json()
    assert again == {"accepted": 0, "duplicate": 2, "quarantined": 0, "context": {"child_protection": 1}}


async def test_hidden_rows_are_loaded_and_the_answer_says_so(app: FastAPI) -> None:
    """The page said it; whoever gave the file by the command line never heard of it."""
    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    page = book.add_worksheet("List 4")
    page.write_row(0, 0, LIST_4)
    page.write_row(1, 0, ("77", "", "04/01/2021", "Yes", "08/02/2021", "Moor", "Ann Li"))
    page.set_row(1, None, None, {"hidden": True})
    book.close()
    assert (await send(app, content.getvalue())).json() == {
        "accepted": 1,
        "duplicate": 0,
        "quarantined": 0,
        "context": {},
        "notes": ["List 4 has 1 hidden row, which was loaded"],
    }


async def test_a_corrected_cell_is_accepted_and_changes_the_same_record(app: FastAPI, engine: AsyncEngine) -> None:
    row = ("77", None, date(2021, 1, 4), "No", date(2021, 2, 8), "Moor", "Ann Li")
    await send(app, workbook(row))
    mended = ("77", None, date(2021, 1, 4), "Yes", date(2021, 2, 8), "Moor", "Ann Li")
    assert (await send(app, workbook(mended))).json()["accepted"] == 1
    records = [event for event in await said(engine) if isinstance(event, AssessmentRecorded)]
    assert [record.version for record in records] == [1, 2]
    assert len({record.assessment_id for record in records}) == 1
    assert records[1].changed == ("child_seen",)


async def test_a_file_that_is_no_workbook_is_refused_in_one_line(app: FastAPI) -> None:
    refused = await send(app, b"this is not a workbook")
    assert refused.status_code == 422
    assert refused.json() == {"refused": "this is not an xlsx workbook, whatever its name says"}


async def test_a_program_that_asks_wrongly_is_told_where_in_json(app: FastAPI) -> None:
    """Without an Accept header it was answered with a page."""
    async with by_command_line(app) as http:
        http.headers["accept"] = "*/*"
        answer = await http.post("/intake/imports/annex-a", files={"file": ("a.csv", b"x")}, data={"as_of": "soon"})
    assert (answer.status_code, answer.json()["errors"]) == (422, [{"place": ["body", "as_of"]}])
