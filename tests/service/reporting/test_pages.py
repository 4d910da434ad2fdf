"""Each role's home, the board and its lists, search: what everybody sees, and what they do not."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from io import BytesIO, StringIO

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from markupsafe import escape
from msgspec import structs
from python_calamine import CalamineWorkbook
from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting.domain.figures import FIGURES, Group
from services.reporting.exports import harmless
from shared.access import people
from shared.clock import FixedClock
from shared.db import create_engine, sessions
from shared.events import (
    ActionEscalated,
    CaseAllocated,
    ChildLinked,
    ConcernEscalated,
    Event,
    FeedEnded,
    FeedFellSilent,
    FeedReceived,
    TeamRecorded,
)
from tests.service.reporting.conftest import application
from tests.service.reporting.telling import NOON, tell, the_programme
from tests.support.backend import Database, PostgresForTests
from tests.support.clients import client, client_as
from tests.unit.reporting.histories import MORNING, an_action, an_audit, an_id


def a_history() -> list[Event]:
    events: list[Event] = [the_programme()]
    for number in range(14):
        events += an_audit(number, rag=("red", "amber", "green")[number % 3])
    for number, until in enumerate(("raised", "raised", "reported", "verified")):
        events += an_action(number, until=until)
    linked = [
        ChildLinked(occurred_at=MORNING, child_id=an_id("child", number), case_id=f"{1000 + number}")
        for number in range(14)
    ]
    feed = FeedReceived(occurred_at=NOON, sender="annex-a", accepted=140, duplicate=3, quarantined=2)
    return [*events, *an_audit(20)[:2], *linked, feed]


TEAMS = (
    TeamRecorded(occurred_at=MORNING, team_id="team-north", name="Assessment North", service="safeguarding"),
    TeamRecorded(occurred_at=MORNING, team_id="team-south", name="Assessment South", service="other"),
)


@pytest.fixture(scope="session")
async def after_a_history(migrated: str, postgres: PostgresForTests) -> AsyncIterator[str]:
    """The name of a database to which the history was told once."""
    database = postgres.create(migrated)
    engine = create_engine(database.url("reporting"))
    await tell(engine, a_history())
    async with sessions(engine)() as session, session.begin():
        await people.record_people(TEAMS, session)
    await engine.dispose()
    yield database.name
    postgres.drop(database)


@pytest.fixture
def database(after_a_history: str, fresh_database: Callable[..., Database]) -> Database:
    """A database of one's own in which the history has happened."""
    return fresh_database(after_a_history)


@pytest.fixture(scope="session")
async def told(
    after_a_history: str, postgres: PostgresForTests, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[FastAPI]:
    """The application after the history, shared by the tests that only look."""
    database = postgres.create(after_a_history)
    async with application(database, FixedClock(NOON), tmp_path_factory.mktemp("reporting")) as made:
        yield made
    postgres.drop(database)


@pytest.fixture(scope="session")
async def qa(told: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with await client_as(told, "qa_manager") as browser:
        yield browser


async def seen_by(app: FastAPI, address: str, *roles: str, **about: object) -> httpx.Response:
    async with await client_as(app, *roles, **about) as browser:  # type: ignore[arg-type]
        return await browser.get(address)


async def test_somebody_who_is_not_signed_in_is_sent_to_sign_in(app: FastAPI) -> None:
    async with client(app) as browser:
        answer = await browser.get("/")
    assert answer.status_code in {302, 303, 307}
    assert answer.headers["location"].startswith("/sign-in")


async def test_an_auditor_sees_cases_to_audit_and_actions_to_verify(told: FastAPI) -> None:
    page = (await seen_by(told, "/", "auditor", person_id="auditor-1")).text
    assert f"/audit/audits/{an_id('audit', 20)}" in page
    assert f"/remedial/actions/{an_id('action', 2)}" in page
    internal = (await seen_by(told, "/", "internal_auditor", person_id="auditor-1")).text
    assert "Cases to audit" in internal
    assert "Actions to verify" not in internal
    other = (await seen_by(told, "/", "auditor", person_id="auditor-2")).text
    assert "/audit/audits/" not in other
    assert "/remedial/actions/" not in other


async def test_an_auditor_is_not_asked_to_verify_their_own_work(app: FastAPI, engine: AsyncEngine) -> None:
    own = an_action(7, until="reported")
    mine = [structs.replace(event, auditor_id="worker-1") if not at else event for at, event in enumerate(own)]
    await tell(engine, mine)
    page = (await seen_by(app, "/", "auditor", person_id="worker-1")).text
    assert f"/remedial/actions/{an_id('action', 7)}" not in page


async def test_a_practitioner_sees_their_open_actions_and_nobody_elses(told: FastAPI) -> None:
    page = (await seen_by(told, "/", "practitioner", person_id="worker-1")).text
    assert f"/remedial/actions/{an_id('action', 1)}" in page
    assert "Case 1001" in page
    assert f"/remedial/actions/{an_id('action', 0)}" not in page


async def test_a_team_manager_sees_what_is_late_in_their_teams_only(told: FastAPI) -> None:
    north = (await seen_by(told, "/", "team_manager", person_id="m-north", manages=["team-north"])).text
    south = (await seen_by(told, "/", "team_manager", person_id="m-south", manages=["team-south"])).text
    assert f"/remedial/actions/{an_id('action', 0)}" in north
    assert "/remedial/actions/" not in south


async def test_an_escalation_and_a_concern_stand_on_the_home_of_whom_they_were_sent_to(
    app: FastAPI, engine: AsyncEngine
) -> None:
    ids = {"audit_id": an_id("audit", 0), "action_id": an_id("action", 0)}
    concern = ConcernEscalated(
        occurred_at=NOON,
        version=9,
        audit_id=an_id("audit", 0),
        concern_id=an_id("concern", 0),
        child_id=an_id("child", 0),
        raised_by="auditor-1",
        recipients=("head-1",),
        acknowledge_by=NOON + timedelta(hours=2),
    )
    await tell(engine, [ActionEscalated(occurred_at=NOON, version=9, step=2, to="head-1", **ids), concern])
    page = (await seen_by(app, "/", "head_of_service", person_id="head-1", services=["other"])).text
    assert "A child may be unsafe" in page
    assert f"/audit/concerns/{an_id('concern', 0)}" in page
    assert f"/remedial/actions/{an_id('action', 0)}" in page
    other = (await seen_by(app, "/", "head_of_service", person_id="head-2")).text
    assert f"/audit/concerns/{an_id('concern', 0)}" not in other


async def test_the_board_sees_counts_and_not_one_case(told: FastAPI) -> None:
    home, board = await seen_by(told, "/", "board"), await seen_by(told, "/reporting/board", "board")
    for page in (home.text, board.text):
        assert "Audits completed" in page
        assert "/audit/audits/" not in page
        assert "/remedial/actions/" not in page
        assert "/reporting/audits?" not in page
    assert (await seen_by(told, "/reporting/audits?status=completed", "board")).status_code == 404
    assert (await seen_by(told, "/reporting/actions?status=open", "board")).status_code == 404


async def test_figures_are_not_there_for_whoever_may_not_see_them(told: FastAPI) -> None:
    for role in ("practitioner", "moderator", "administrator"):
        async with await client_as(told, role) as browser:
            for address in (
                "/reporting/board",
                "/reporting/figures.json",
                "/reporting/figures.csv",
                "/reporting/trends",
            ):
                assert (await browser.get(address)).status_code == 404, (role, address)


async def test_every_figure_opens_a_list_of_as_many(told: FastAPI, qa: httpx.AsyncClient) -> None:
    figures = (await qa.get("/reporting/figures.json")).json()["figures"]
    for code, definition in FIGURES.items():
        if definition.opens is not None and definition.unit == "count":
            page = (await qa.get(definition.opens)).text
            word = "case" if "/audits" in definition.opens else "action"
            count = int(figures[code]["value"])
            assert f"{count} {word}{'' if count == 1 else 's'}" in page, code


async def test_a_team_managers_figures_are_of_their_teams(told: FastAPI) -> None:
    for teams, expected in ((["team-north"], 14), (["team-south"], 0)):
        answer = await seen_by(
            told, "/reporting/figures.json", "team_manager", person_id=f"m-{teams[0]}", manages=teams
        )
        assert answer.json()["figures"]["audits_completed"]["value"] == expected


async def test_filters_live_in_the_address(qa: httpx.AsyncClient) -> None:
    async def completed(query: str) -> float:
        answer = await qa.get(f"/reporting/figures.json?{query}")
        assert answer.status_code == 200
        value: float = answer.json()["figures"]["audits_completed"]["value"]
        return value

    assert await completed("theme=risk") == 0
    assert await completed("team=team-north&theme=") == 14
    assert await completed("since=2026-11-03&until=2026-11-03") == 14
    assert await completed("since=2026-11-04") == 0
    assert (await qa.get("/reporting/board?since=yesterday")).status_code == 404
    assert (await qa.get("/reporting/audits?status=nonsense")).status_code == 404


async def test_nothing_that_an_address_may_say_breaks_a_page(qa: httpx.AsyncClient) -> None:
    """A NUL in an id and a day at the end of the calendar each answered 500 once."""
    for address in (
        "/search?q=%00",
        "/reporting/board?team=%00",
        "/reporting/board?since=0001-01-01",
        "/reporting/figures.json?until=9999-12-31",
        "/reporting/practitioners/%00",
        "/reporting/practitioners/" + "x" * 65,
        "/reporting/audits?rag=purple",
        "/reporting/weeks/0001-01-01",
        "/reporting/weeks/9999-12-27",
        "/reporting/weeks/monday",
        f"/reporting/reports/{an_id('nothing')}/1",
        "/reporting/reports/x/1",
    ):
        assert (await qa.get(address)).status_code in {404, 422}, address


async def test_a_list_has_pages(app: FastAPI, engine: AsyncEngine) -> None:
    await tell(engine, [event for number in range(30, 60) for event in an_audit(number)])
    first, second = (
        await seen_by(app, "/reporting/audits?status=completed", "qa_manager"),
        await seen_by(app, "/reporting/audits?status=completed&page=2", "qa_manager"),
    )
    assert first.text.count("/audit/audits/") == 25
    assert second.text.count("/audit/audits/") == 19


async def test_search_finds_a_case_only_for_whoever_may_see_something_of_it(told: FastAPI) -> None:
    address = "/search?q=1001"
    assert f"/audit/audits/{an_id('audit', 1)}" in (await seen_by(told, address, "qa_manager")).text
    own = (await seen_by(told, address, "practitioner", person_id="worker-1")).text
    assert f"/remedial/actions/{an_id('action', 1)}" in own
    for role in ("board", "administrator", "moderator"):
        page = (await seen_by(told, address, role)).text
        assert "Nothing found that you may see" in page
        assert "/audit/audits/" not in page
    by_pseudonym = await seen_by(told, f"/search?q={an_id('child', 1)}", "qa_manager")
    assert "Case 1001" in by_pseudonym.text


async def test_search_bounds_what_it_reads_and_escapes_it(qa: httpx.AsyncClient) -> None:
    assert (await qa.get(f"/search?q={'x' * 65}")).status_code == 422
    assert "<script>alert" not in (await qa.get("/search?q=<script>alert(1)</script>")).text


async def test_every_figure_of_the_board_is_defined_one_click_away(qa: httpx.AsyncClient) -> None:
    definitions, board = (await qa.get("/reporting/definitions")).text, (await qa.get("/reporting/board")).text
    for code, definition in FIGURES.items():
        assert f'id="{code}"' in definitions
        assert escape(definition.name) in board
    for group in Group:
        assert f'id="{group.anchor}"' in definitions
        assert board.count(f"/reporting/definitions#{group.anchor}") == 1


async def test_a_sender_is_named_in_words(qa: httpx.AsyncClient) -> None:
    for address in ("/", "/reporting/board"):
        page = (await qa.get(address)).text
        assert ">Annex A<" in page
        assert "annex-a" not in page


async def test_a_sender_whose_feed_has_ended_is_called_so_and_never_silent(app: FastAPI, engine: AsyncEngine) -> None:
    """Its token was taken back while it was silent, and it was called silent for good."""
    await tell(engine, [FeedFellSilent(occurred_at=NOON, version=2, sender="Old system", last_heard_at=MORNING)])
    addresses = ("/", "/reporting/board", "/reporting/weeks/2026-11-23")
    before = [(await seen_by(app, address, "qa_manager")).text for address in addresses]
    await tell(engine, [FeedEnded(occurred_at=NOON, version=3, sender="Old system")])
    after = [(await seen_by(app, address, "qa_manager")).text for address in addresses]
    assert [(">Silent<" in page, "Silent senders" in page, ">Ended<" in page) for page in (*before, *after)] == [
        (True, False, False),
        (True, False, False),
        (False, True, False),
        (False, False, True),
        (False, False, True),
        (False, False, False),
    ]


async def test_a_person_with_fewer_than_ten_audits_has_a_list_and_no_rate(app: FastAPI, engine: AsyncEngine) -> None:
    address = "/reporting/practitioners/worker-1"
    page = (await seen_by(app, address, "practitioner", person_id="worker-1")).text
    assert "/audit/audits/" in page
    assert "%" not in page
    await tell(engine, [event for number in range(31, 70, 3) for event in an_audit(number)])
    assert "95% interval" in (await seen_by(app, address, "practitioner", person_id="worker-1")).text


async def test_figures_about_a_person_are_for_them_their_manager_and_qa(told: FastAPI) -> None:
    address = "/reporting/practitioners/worker-1"

    async def status(*roles: str, **about: object) -> int:
        return (await seen_by(told, address, *roles, **about)).status_code

    assert await status("qa_manager") == 200
    assert await status("team_manager", person_id="m-north", manages=["team-north"]) == 200
    assert await status("auditor", person_id="auditor-1") == 200
    assert await status("team_manager", person_id="m-south", manages=["team-south"]) == 404
    assert await status("auditor", person_id="auditor-2") == 404
    assert await status("practitioner", person_id="worker-2") == 404
    assert await status("board") == 404
    assert await status("business_support") == 404
    assert await status("administrator") == 404


async def test_an_export_holds_the_figures_and_leaves_a_trace(app: FastAPI, engine: AsyncEngine) -> None:
    written = await seen_by(app, "/reporting/figures.csv?theme=neglect", "qa_manager")
    rows = list(csv.reader(StringIO(written.content.decode("utf-8-sig"))))
    assert next(row for row in rows if row[:1] == ["audits_completed"])[:3] == [
        "audits_completed",
        "Audits completed",
        "14",
    ]
    book = CalamineWorkbook.from_filelike(
        BytesIO((await seen_by(app, "/reporting/figures.xlsx", "qa_manager")).content)
    )
    assert book.sheet_names == ["Figures", "Themes"]
    assert ["Neglect", 105.0] in [row[:2] for row in book.get_sheet_by_name("Themes").to_python()]
    async with engine.connect() as connection:
        trail = (await connection.execute(sa.text("SELECT what, object_id, why FROM trail ORDER BY id"))).all()
    assert [(what, named) for what, named, _ in trail] == [("export", "figures.csv"), ("export", "figures.xlsx")]
    assert "theme=neglect" in trail[0][2]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_name_that_begins_like_a_formula_is_only_a_name(start: str) -> None:
    assert harmless(f"{start}HYPERLINK()") == f"'{start}HYPERLINK()"


def test_a_number_stays_a_number_in_an_export() -> None:
    assert harmless(-3) == -3


async def test_an_action_becomes_overdue_when_the_clock_passes_its_due_time(app: FastAPI, clock: FixedClock) -> None:
    clock.instant = MORNING + timedelta(days=2)
    early = (await seen_by(app, "/reporting/figures.json", "qa_manager")).json()["figures"]["actions_overdue"]["value"]
    clock.instant = NOON
    late = (await seen_by(app, "/reporting/figures.json", "qa_manager")).json()["figures"]["actions_overdue"]["value"]
    assert (early, late) == (0, 2)


async def test_a_case_handed_on_leaves_the_first_auditors_home(app: FastAPI, engine: AsyncEngine) -> None:
    handed = CaseAllocated(
        occurred_at=NOON, version=5, audit_id=an_id("audit", 20), auditor_id="auditor-2", due_on=NOON.date()
    )
    await tell(engine, [handed])
    assert f"/audit/audits/{an_id('audit', 20)}" not in (await seen_by(app, "/", "auditor", person_id="auditor-1")).text
    assert f"/audit/audits/{an_id('audit', 20)}" in (await seen_by(app, "/", "auditor", person_id="auditor-2")).text
