"""A file given on the page: answered at once, followed while it is taken in, never silently lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake import annex_a_import
from services.intake.domain.annex_a import Sheet
from services.intake.pages import uploads as upload_pages
from services.intake.workbook import read_file
from tests.service.intake.test_annex_a import LIST_4, send, workbook
from tests.support.clients import client_as
from tests.support.eventually import eventually

GOOD = ("77", None, date(2021, 1, 4), "Yes", date(2021, 2, 8), "Moor", "Ann Li")
ENDS_FIRST = ("78", None, date(2021, 2, 4), "Yes", date(2021, 1, 8), "Moor", "Ann Li")


async def give(http: httpx.AsyncClient, content: bytes, name: str = "annex-a.xlsx") -> httpx.Response:
    """Give a file as a person does."""
    files = {"file": (name, content)}
    return await http.post("/intake/uploads", data={"as_of": "2021-03-12", "kind": "annex-a"}, files=files)


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A file is read once this is set; nobody waits for it."""
    may_go_on = threading.Event()

    def slowly(path: Path, filename: str, only: int | None) -> list[Sheet]:
        may_go_on.wait(30)
        return read_file(path, filename, only)

    monkeypatch.setattr(annex_a_import, "read_file", slowly)
    monkeypatch.setattr(upload_pages, "SOON_SECONDS", 0.05)
    yield may_go_on
    may_go_on.set()


async def test_a_file_is_answered_before_it_is_read_and_followed_until_it_is_taken_in(
    app: FastAPI, engine: AsyncEngine, reading: threading.Event
) -> None:
    """Its children are held by another transaction, so that it cannot finish before it is let."""
    async with await client_as(app, "business_support") as http:
        given = await give(http, workbook(GOOD, ENDS_FIRST))
        assert given.status_code == 303
        page = (await http.get(given.headers["location"])).text
        assert "Being read" in page
        assert 'hx-trigger="every 1s"' in page
        assert "Being read" in (await http.get("/intake/uploads")).text
        async with engine.begin() as holding:
            await holding.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('intake.directory'))"))
            reading.set()

            async def being_taken() -> None:
                assert "0 of 2 rows taken" in (await http.get(given.headers["location"])).text

            await eventually(being_taken)

        async def finished() -> None:
            page = (await http.get(given.headers["location"])).text
            assert "Being taken in" not in page
            assert "hx-trigger" not in page
            assert "2 rows, of which 1 is in quarantine" in page
            assert "It was authorised before it started" in page

        await eventually(finished)
        report = await http.get(f"{given.headers['location']}/report.csv")
    assert report.text.count("\n") == 3


async def test_a_file_that_is_refused_after_a_while_says_why_on_its_page(
    app: FastAPI, reading: threading.Event
) -> None:
    async with await client_as(app, "business_support") as http:
        given = await give(http, b"this is no workbook")
        assert given.status_code == 303
        reading.set()

        async def refused() -> None:
            page = (await http.get(given.headers["location"])).text
            assert "Nothing of it was taken: this is not an xlsx workbook" in page

        await eventually(refused)
        assert "Refused" in (await http.get("/intake/uploads")).text


async def test_an_import_that_ends_with_its_service_is_said_to_be_broken_off(
    app: FastAPI, engine: AsyncEngine, reading: threading.Event
) -> None:
    async with await client_as(app, "business_support") as http:
        given = await give(http, workbook(GOOD))
        for importing in app.state.importing:
            importing.cancel()
        await asyncio.gather(*app.state.importing, return_exceptions=True)
        page = (await http.get(given.headers["location"])).text
        assert "Broken off" in page
        assert "hx-trigger" not in page
        reading.set()
        again = await send(app, workbook(GOOD))
    assert again.json()["accepted"] == 1


async def test_an_import_of_which_nothing_is_heard_is_said_to_be_broken_off(app: FastAPI, engine: AsyncEngine) -> None:
    """As after a kill: nobody was left to say so."""
    await send(app, workbook(GOOD, ENDS_FIRST))
    silenced = "UPDATE upload SET state = 'taking', heard_at = now() - interval '1 minute', accepted = 0"
    async with engine.begin() as connection:
        upload_id = (await connection.execute(sa.text(f"{silenced} RETURNING upload_id"))).scalar_one()
    async with await client_as(app, "business_support") as http:
        page = (await http.get(f"/intake/uploads/{upload_id}")).text
        listed = (await http.get("/intake/uploads")).text
    assert "after 1 of 2 rows" in page
    assert "hx-trigger" not in page
    assert "Broken off" in listed


async def test_an_import_says_that_it_goes_on_while_it_waits(
    app: FastAPI, engine: AsyncEngine, reading: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.intake import uploads

    monkeypatch.setattr(uploads, "BEAT_SECONDS", 0.02)

    async def heard() -> object:
        async with engine.connect() as connection:
            return (await connection.execute(sa.text("SELECT heard_at FROM upload"))).scalar_one()

    async with await client_as(app, "business_support") as http:
        await give(http, workbook(GOOD))
        first = await heard()

        async def heard_again() -> None:
            assert await heard() != first

        await eventually(heard_again)
        reading.set()

        async def finished() -> None:
            assert not app.state.importing

        await eventually(finished)


async def test_every_row_leads_to_its_record_or_to_its_place_in_quarantine(app: FastAPI, engine: AsyncEngine) -> None:
    """Two that differ in nothing but their outcome lead to two records; the same again leads to the same two."""
    other = ("77", None, date(2021, 1, 4), "No", date(2021, 2, 8), "Moor", "Ann Li")
    for _ in range(2):
        await send(app, workbook(GOOD, other, ENDS_FIRST))
    rows = "SELECT row, assessment_id, quarantine_id FROM upload_row JOIN upload USING (upload_id) ORDER BY at, row"
    async with engine.connect() as connection:
        first, second, third, *again = list(await connection.execute(sa.text(rows)))
    assert first.assessment_id != second.assessment_id
    assert third.assessment_id is None
    assert [tuple(row) for row in again] == [tuple(row) for row in (first, second, third)]
    async with await client_as(app, "business_support") as http:
        listed = (await http.get("/intake/uploads")).text
        upload = listed.split('href="/intake/uploads/')[1].split('"')[0]
        page = (await http.get(f"/intake/uploads/{upload}")).text
        report = (await http.get(f"/intake/uploads/{upload}/report.csv")).text
        assert f'href="/intake/assessments/{first.assessment_id}"' in page
        assert f'href="/intake/quarantine/{third.quarantine_id}"' in page
        assert str(second.assessment_id) in report
        assert (await http.get(f"/intake/assessments/{second.assessment_id}")).status_code == 200
        assert (await http.get(f"/intake/quarantine/{third.quarantine_id}")).status_code == 200


async def test_what_was_refused_leads_to_the_childs_records_and_to_what_it_became(
    app: FastAPI, engine: AsyncEngine
) -> None:
    ends_first = ("77", None, date(2021, 2, 10), "Yes", date(2021, 1, 8), "Moor", "Ann Li")
    await send(app, workbook(GOOD, ends_first))
    async with engine.connect() as connection:
        number = (await connection.execute(sa.text("SELECT quarantine_id FROM quarantined"))).scalar_one()
        record = (await connection.execute(sa.text("SELECT assessment_id FROM work"))).scalar_one()
    address = f"/intake/quarantine/{number}"
    async with await client_as(app, "business_support") as http:
        assert f"/intake/assessments/{record}" in (await http.get(address)).text
        mended = {"child": "77", "started_on": "10/02/2021", "finished_on": "11/02/2021"}
        assert (await http.post(f"{address}/resubmit", data=mended)).status_code == 303
        page = (await http.get(address)).text
    assert "The record that it became" in page


async def test_hidden_rows_and_sheets_that_nobody_reads_are_said(app: FastAPI) -> None:
    """A filter hides rows: they are loaded like any other."""
    from io import BytesIO

    import xlsxwriter

    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True, "default_date_format": "dd/mm/yyyy"})
    page = book.add_worksheet("List 4")
    for number, row in enumerate((LIST_4, GOOD, (*GOOD[:2], date(2021, 1, 5), *GOOD[3:]))):
        page.write_row(number, 0, row)
    page.set_row(2, None, None, {"hidden": True})
    book.add_worksheet("Notes").write_column(0, 0, ("Not", "for", "you"))
    book.close()
    assert (await send(app, content.getvalue())).json()["accepted"] == 2
    async with await client_as(app, "business_support") as http:
        listed = (await http.get("/intake/uploads")).text
        page_of_it = (await http.get("/intake/uploads/" + listed.split('href="/intake/uploads/')[1].split('"')[0])).text
    assert "List 4 has 1 hidden row, which was loaded" in page_of_it
    assert "Notes was not read" in page_of_it


async def test_what_is_said_of_each_row_adds_up_to_what_is_said_of_the_file(app: FastAPI) -> None:
    """Given a second time, a file had nothing quarantined by its figures, and by its rows a row that was."""
    async with await client_as(app, "business_support") as http:
        for outcomes in ({"accepted": 1, "duplicate": 0, "quarantined": 1}, {"accepted": 0, "duplicate": 2}):
            address = (await give(http, workbook(GOOD, ENDS_FIRST))).headers["location"]
            report = (await http.get(f"{address}/report.csv")).text
            assert {name: report.count(f",{name},") for name in outcomes} == outcomes
            assert "It was authorised before it started" in report
            assert "/intake/quarantine/" in (await http.get(address)).text


async def test_a_list_of_plans_is_no_file_of_nought_rows(app: FastAPI) -> None:
    header = ("Child Unique ID", "Child Protection Plan Start Date", "Child Protection Plan End Date")
    plan, ended_first = ("77", date(2021, 1, 4), ""), ("78", date(2021, 1, 4), date(2020, 1, 4))
    async with await client_as(app, "business_support") as http:
        given = await give(http, workbook(plan, ended_first, header=header, sheet="List 7"))
        page = (await http.get(given.headers["location"])).text
    assert "The file was taken in: 2 rows" in page


async def test_a_file_that_was_taken_in_says_how_much_of_it_waits(app: FastAPI) -> None:
    """A green tick said that its rows were taken in, whatever had become of them."""
    async with await client_as(app, "business_support") as http:
        given = await give(http, workbook(GOOD, ENDS_FIRST))
        page = (await http.get(given.headers["location"])).text
    assert "The file was taken in: 2 rows, of which 1 is in quarantine" in page


async def test_a_file_of_no_rows_is_no_success(app: FastAPI) -> None:
    """A green tick said that it was taken in."""
    async with await client_as(app, "business_support") as http:
        given = await give(http, workbook())
        page = (await http.get(given.headers["location"])).text
    assert "The file was taken in" not in page
    assert "No rows" in page


async def test_a_csv_of_which_nobody_said_which_list_is_asked_about_in_words_of_the_page(app: FastAPI) -> None:
    """The page named an option of the command line."""
    async with await client_as(app, "business_support") as http:
        page = (await give(http, b"a,b\n1,2\n", "a.csv")).text
    assert "a csv holds one list: say which list it is" in page
    assert 'href="#list"' in page
    assert "--list" not in page


async def test_a_name_that_no_database_holds_is_no_reason_to_fail(app: FastAPI) -> None:
    assert (await send(app, workbook(GOOD), name="a\u202e\x07b.xlsx")).json()["accepted"] == 1
