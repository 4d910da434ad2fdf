"""Intake's pages: what business support settles, and what others may not see."""

from __future__ import annotations

import re
from datetime import date, time, timedelta

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake import handlers, senders
from services.intake.pages.story import in_words
from shared.db import sessions
from shared.events import AssessmentRecorded, PersonRecorded
from shared.working_days import add_working_days, is_working_day
from tests.service.intake.test_annex_a import LIST_4, send, workbook
from tests.service.intake.test_finished_work import NOON, assessment
from tests.support.clients import client, client_as
from tests.support.delivery import deliver, said

GOOD = ("77", None, date(2021, 1, 4), "Yes", date(2021, 2, 8), "Moor", "Ann Li")
ENDS_FIRST = ("78", None, date(2021, 2, 4), "Yes", date(2021, 1, 8), "Moor", "Ann Li")


@pytest.fixture
async def filled(app: FastAPI) -> FastAPI:
    """One good row, one in quarantine, a worker and a team unmatched."""
    assert (await send(app, workbook(GOOD, ENDS_FIRST))).json()["quarantined"] == 1
    return app


async def quarantine_id(engine: AsyncEngine) -> str:
    """The one thing in quarantine."""
    async with engine.connect() as connection:
        return str((await connection.execute(sa.text("SELECT quarantine_id FROM quarantined"))).scalar_one())


@pytest.mark.parametrize("path", ["/intake", "/intake/uploads", "/intake/quarantine", "/intake/unmatched"])
async def test_every_list_opens_empty_and_says_what_would_fill_it(app: FastAPI, path: str) -> None:
    async with await client_as(app, "business_support") as http:
        page = await http.get(path)
    assert page.status_code == 200
    assert "caseloop-empty" in page.text


@pytest.mark.parametrize("path", ["/intake/uploads", "/intake/unmatched", "/intake/quarantine"])
async def test_a_practitioner_finds_nothing(filled: FastAPI, path: str) -> None:
    async with await client_as(filled, "practitioner") as http:
        assert (await http.get(path)).status_code == 404


async def test_an_administrator_sees_counts_and_no_values(filled: FastAPI, engine: AsyncEngine) -> None:
    number = await quarantine_id(engine)
    async with await client_as(filled, "administrator") as http:
        listed = await http.get("/intake/quarantine")
        one = await http.get(f"/intake/quarantine/{number}")
        home = await http.get("/intake")
    assert listed.status_code == home.status_code == 200
    assert "It was authorised before it started" in listed.text
    assert number not in listed.text
    assert one.status_code == 404


async def test_a_row_is_corrected_and_taken_in(filled: FastAPI, engine: AsyncEngine) -> None:
    number = await quarantine_id(engine)
    address = f"/intake/quarantine/{number}"
    async with await client_as(filled, "business_support") as http:
        assert 'value="2021-01-08"' in (await http.get(address)).text
        fields = {"child": "78", "started_on": "2021-02-04", "finished_on": "2021-01-09"}
        still_wrong = await http.post(f"{address}/resubmit", data=fields)
        mended = await http.post(f"{address}/resubmit", data=fields | {"finished_on": "2021-02-09"})
        late = await http.post(f"{address}/resubmit", data=fields | {"finished_on": "2021-02-10"})
        told = (await http.get(str(late.headers["location"]))).text
    assert still_wrong.status_code == 422
    assert "It was authorised before it started" in still_wrong.text
    assert mended.status_code == 303
    assert late.status_code == 303
    assert "It was corrected and taken in already" in told
    records = [event for event in await said(engine) if isinstance(event, AssessmentRecorded)]
    assert [record.authorised_on for record in records] == [date(2021, 2, 8), date(2021, 2, 9)]


async def test_a_row_is_dismissed_only_with_a_reason(filled: FastAPI, engine: AsyncEngine) -> None:
    address = f"/intake/quarantine/{await quarantine_id(engine)}"
    async with await client_as(filled, "business_support") as http:
        silent = await http.post(f"{address}/dismiss", data={"why": ""})
        said_why = await http.post(f"{address}/dismiss", data={"why": "Entered twice"})
        dismissed = await http.get("/intake/quarantine?state=dismissed")
        page = await http.get(address)
    assert silent.status_code == 422
    assert said_why.status_code == 303
    assert "It was authorised before it started" in dismissed.text
    assert "Entered twice" in page.text


async def test_too_much_typed_is_answered_with_a_page(
    filled: FastAPI, engine: AsyncEngine, capfd: pytest.CaptureFixture[str]
) -> None:
    """It was logged as a fault of ours, and was three bare words on white without a way back or security headers."""
    async with await client_as(filled, "business_support") as http:
        address = f"/intake/quarantine/{await quarantine_id(engine)}/dismiss"
        answer = await http.post(address, data={"why": "x" * 300_000})
    assert answer.status_code == 413
    assert "Go back, shorten it" in answer.text
    assert "content-security-policy" in answer.headers
    assert '"level": "error"' not in capfd.readouterr().err
    signed_out = await client(filled).post(address, data={"why": "x" * 300_000})
    assert signed_out.headers["location"] == "/sign-in?unsaved=yes"


async def test_a_file_is_given_on_the_page_and_its_rows_can_be_downloaded(app: FastAPI) -> None:
    content = workbook(GOOD, ENDS_FIRST, sheet="=1+2 List 4")
    async with await client_as(app, "business_support") as http:
        files = {"file": ("monthly.xlsx", content)}
        form = await http.get("/intake/uploads")
        nothing = await http.post("/intake/uploads", data={"as_of": "2021-03-12", "kind": "annex-a"})
        given = await http.post("/intake/uploads", data={"as_of": "2021-03-12", "kind": "annex-a"}, files=files)
        page = await http.get(given.headers["location"])
        report = await http.get(f"{given.headers['location']}/report.csv")
    assert "List 5: section 47 enquiries" in form.text
    assert nothing.status_code == 422
    assert given.status_code == 303
    assert "It was authorised before it started" in page.text
    assert report.text.startswith("\ufeffsheet,row,outcome,column,reason,record")
    assert "\n'=1+2" in report.text
    assert "ContinuousAssessmentAuthDate" in report.text


async def test_a_refused_file_says_why_on_the_page(app: FastAPI) -> None:
    async with await client_as(app, "business_support") as http:
        page = await http.post(
            "/intake/uploads", data={"as_of": "2021-03-12", "kind": "annex-a"}, files={"file": ("a.xlsx", b"no")}
        )
    assert page.status_code == 422
    assert "nothing of it was taken: this is not an xlsx workbook" in page.text


async def test_an_unmatched_worker_is_added_and_a_team_matched(filled: FastAPI, engine: AsyncEngine) -> None:
    from services.intake import handlers, rematching
    from shared.db import sessions
    from shared.events import TeamRecorded
    from tests.service.intake.test_finished_work import NOON
    from tests.support.clients import keep

    await keep(filled, TeamRecorded(occurred_at=NOON, team_id="moor", name="Assessment Moor"))
    async with await client_as(filled, "business_support") as http:
        page = (await http.get("/intake/unmatched")).text
        by_kind = dict(re.findall(r"kind=(\w+)&amp;stand_in=([^\"]+)", page))
        one = await http.get(f"/intake/unmatched/one?kind=team&stand_in={by_kind['team']}")
        assert "Assessment Moor (moor)" in one.text
        await http.post(
            "/intake/unmatched", data={"kind": "worker", "stand_in": by_kind["worker"], "add": "yes", "stands_for": ""}
        )
        await http.post("/intake/unmatched", data={"kind": "team", "stand_in": by_kind["team"], "stands_for": "moor"})
    async with sessions(engine)() as session, session.begin():
        (again,) = await rematching.rematch(session, handlers.deployment(), NOON)
    assert isinstance(again, AssessmentRecorded)
    assert again.unmatched == ()
    assert again.team_id == "moor"
    assert again.worker_id == by_kind["worker"]
    added = [event for event in await said(engine) if isinstance(event, PersonRecorded)]
    assert [person.name for person in added] == ["Ann Li"]


@pytest.mark.parametrize(("path", "untrue"), [("quarantine", "Nothing waits"), ("unmatched", "Everybody is known")])
async def test_a_page_past_the_last_says_so(filled: FastAPI, path: str, untrue: str) -> None:
    """It said that nothing waited, beneath the count of what does: of a list whose last page somebody had settled."""
    async with await client_as(filled, "business_support") as http:
        page = (await http.get(f"/intake/{path}?page=9")).text
    assert untrue not in page
    assert "The list ends before this page" in page
    assert "page=1" in page


def monday_before(today: date, weeks: int) -> date:
    return today - timedelta(days=today.weekday(), weeks=weeks)


async def test_a_feed_says_what_its_usual_hour_is(app: FastAPI, engine: AsyncEngine) -> None:
    """Whoever asked why a feed is not called silent yet found nothing to go by."""
    today = app.state.service.clock.today()
    async with engine.begin() as connection:
        daily = [add_working_days(today, -back) for back in range(1, 6)]
        mondays = [day for weeks in range(1, 10) if is_working_day(day := monday_before(today, weeks))]
        for feed, days in (("dfe", daily), ("annex-a", daily[:1]), ("cin-census", mondays)):
            await connection.execute(
                sa.text("INSERT INTO feed VALUES (:feed, :feed, 1, now(), 1, 0, 0)"),
                {"feed": feed},
            )
            for day in days:
                await connection.execute(
                    sa.text("INSERT INTO feed_day (feed, day, first_at) VALUES (:feed, :day, :at)"),
                    {"feed": feed, "day": day, "at": time(6, 30)},
                )
    async with await client_as(app, "administrator") as http:
        page = (await http.get("/intake")).text
    assert page.count("By 6:30am on working days") == 1
    assert page.count("By 6:30am on Mondays") == 1
    assert page.count("No set day") == 1


async def test_a_refused_file_is_so_among_the_newest(app: FastAPI) -> None:
    """It looked like a file of nothing."""
    await send(app, b"no")
    async with await client_as(app, "business_support") as http:
        assert ">Refused<" in (await http.get("/intake")).text


async def test_an_administrator_is_told_how_many_are_unmatched(filled: FastAPI) -> None:
    """It said nought of each, whatever there was."""
    async with await client_as(filled, "administrator") as http:
        page = (await http.get("/intake")).text
    assert re.findall(r'value">(\d+)</span> <span class="caseloop-figure__label">unmatched', page) == ["1", "1"]


async def test_who_presses_match_without_a_choice_is_asked_for_one(filled: FastAPI) -> None:
    """It led back to the list, with a green tick before "Nothing was changed"."""
    async with await client_as(filled, "business_support") as http:
        listed = (await http.get("/intake/unmatched?kind=team")).text
        stand_in = re.findall(r"kind=team&amp;stand_in=([^\"]+)", listed)[0]
        answer = await http.post("/intake/unmatched", data={"kind": "team", "stand_in": stand_in, "stands_for": ""})
    assert answer.status_code == 422
    assert "Choose which team Moor is, or add it" in answer.text


async def test_unmatched_staff_can_be_narrowed_to_teams(filled: FastAPI) -> None:
    """Both figures of the first page led to one list of everybody."""
    async with await client_as(filled, "business_support") as http:
        home = (await http.get("/intake")).text
        page = (await http.get("/intake/unmatched?kind=team")).text
    assert 'href="/intake/unmatched?kind=team"' in home
    assert "1 team" in page
    assert "Moor" in page
    assert "Ann Li" not in page


async def test_what_was_refused_stands_in_the_order_of_its_file(app: FastAPI) -> None:
    """It stood in the order of ids that say nothing; and a list of one reason did not say which."""
    await send(app, workbook(*((str(child), *ENDS_FIRST[1:]) for child in range(70, 90))))
    async with await client_as(app, "business_support") as http:
        page = (await http.get("/intake/quarantine?reason=ends_before_start")).text
    rows = [int(row) for row in re.findall(r"row (\d+)", page)]
    assert len(rows) == 20
    assert rows == sorted(rows)
    assert "20 records with the reason “It was authorised before it started”" in page


async def test_whoever_settles_one_of_a_narrowed_list_comes_back_to_it(filled: FastAPI, engine: AsyncEngine) -> None:
    """They came back to the list of everything."""
    async with await client_as(filled, "business_support") as http:
        listed = (await http.get("/intake/quarantine?reason=ends_before_start")).text
        address = f"/intake/quarantine/{await quarantine_id(engine)}"
        assert f'href="{address}?reason=ends_before_start"' in listed
        page = (await http.get(f"{address}?reason=ends_before_start")).text
        assert f'action="{address}/dismiss?reason=ends_before_start"' in page
        assert 'href="/intake/quarantine?reason=ends_before_start"' in page
        settled = await http.post(f"{address}/dismiss?reason=ends_before_start", data={"why": "Entered twice"})
        assert settled.headers["location"] == "/intake/quarantine?reason=ends_before_start"
        assert "Nothing waits for this reason" in (await http.get(settled.headers["location"])).text


async def test_what_was_refused_of_a_file_leads_to_the_newest_file_that_held_it(
    filled: FastAPI, engine: AsyncEngine
) -> None:
    """It named the sheet, and nobody could tell which of a month's workbooks that was in."""
    await send(filled, workbook(ENDS_FIRST), name="again.xlsx")
    async with await client_as(filled, "business_support") as http:
        page = (await http.get(f"/intake/quarantine/{await quarantine_id(engine)}")).text
    assert re.search(r'href="/intake/uploads/[0-9a-f-]{36}">again.xlsx</a>', page)
    assert "annex-a.xlsx" not in page


async def test_a_row_of_a_csv_stands_in_a_file_and_not_in_a_sheet(app: FastAPI, engine: AsyncEngine) -> None:
    content = ",".join(LIST_4) + "\n78,,04/02/2021,Yes,08/01/2021,Moor,Ann Li\n"
    assert (await send(app, content.encode(), name="list-4.csv")).json()["quarantined"] == 1
    async with await client_as(app, "business_support") as http:
        page = (await http.get(f"/intake/quarantine/{await quarantine_id(engine)}")).text
    assert re.search(r">\s*File\s*</dt>", page)
    assert not re.search(r">\s*Sheet\s*</dt>", page)


async def test_an_assessment_tells_its_story(filled: FastAPI, engine: AsyncEngine) -> None:
    await send(filled, workbook(("77", None, date(2021, 1, 4), "No", date(2021, 2, 8), "Moor", "Ann Li")))
    (number,) = {event.assessment_id for event in await said(engine) if isinstance(event, AssessmentRecorded)}
    async with await client_as(filled, "qa_manager") as http:
        page = await http.get(f"/intake/assessments/{number}")
    assert page.status_code == 200
    assert "Child seen" in page.text
    assert "First came in a file of" in page.text
    assert "11:59pm" not in page.text, "a file's day has no hour"
    assert "Monday 8 February 2021" in page.text
    assert "Ann Li" in page.text


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        (1, "1"),
        (0, "0"),
        (True, "Yes"),
        ("False", "No"),
        ("no_conference", "No conference"),
        ("a) Yes", "a) Yes"),
        (("16A", "3B"), "16A, 3B"),
        (None, ""),
    ],
)
def test_a_fact_is_said_in_words(fact: object, words: str) -> None:
    """One earlier enquiry was said as "Yes", and none as "No"."""
    assert in_words(fact) == words


async def test_the_way_into_the_case_is_the_case_systems_whatever_is_in_the_id(
    app: FastAPI, engine: AsyncEngine
) -> None:
    app.state.service.settings.case_link = "https://cms.example/case/{case_id}"
    told = await deliver(engine, handlers.router, assessment(child="77/../../login?next=x"))
    (record,) = [event for event in told if isinstance(event, AssessmentRecorded)]
    async with await client_as(app, "business_support") as http:
        page = await http.get(f"/intake/assessments/{record.assessment_id}")
    assert "https://cms.example/case/77%2F..%2F..%2Flogin%3Fnext%3Dx" in page.text


async def test_what_was_refused_leads_to_what_has_arrived_of_its_case(filled: FastAPI, engine: AsyncEngine) -> None:
    async with await client_as(filled, "business_support") as http:
        page = (await http.get(f"/intake/quarantine/{await quarantine_id(engine)}")).text
    assert 'href="/search?q=78"' in page


async def test_a_sender_that_never_sent_is_shown_among_the_feeds(app: FastAPI, engine: AsyncEngine) -> None:
    """A system that was given a token and never got through was on no page: nobody missed what never came."""
    async with sessions(engine)() as session, session.begin():
        await senders.add(session, "Social care system", "ada", NOON)
        await senders.add(session, "Old system", "ada", NOON)
    async with engine.begin() as connection:
        await connection.execute(sa.text("UPDATE sender SET revoked_at = now() WHERE name = 'Old system'"))
    async with await client_as(app, "administrator") as http:
        page = (await http.get("/intake")).text
        assert "Social care system" in page
        assert "Never heard" in page
        assert "Old system" not in page
        async with engine.begin() as connection:
            await connection.execute(
                sa.text("INSERT INTO feed VALUES ('Social care system', 'dfe', 1, now(), 1, 0, 0)")
            )
        assert "Never heard" not in (await http.get("/intake")).text
