"""The board's report: begun, written, published with its figures frozen, corrected as a new edition."""

from __future__ import annotations

import re
from uuid import UUID

import httpx
import msgspec
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting.domain.board_report import report_id
from shared.clock import FixedClock
from shared.events import BoardReportPublished, Event
from shared.messaging.tables import OUTBOX
from tests.service.reporting.telling import NOON, tell, the_programme
from tests.support.clients import client_as
from tests.unit.reporting.histories import MORNING, PROGRAMME, an_action, an_audit

NOVEMBER = MORNING.date().replace(day=1)
REPORT: UUID = report_id(PROGRAMME, NOVEMBER)
EDITION = f"/reporting/reports/{REPORT}/1"
WORDS = {"matters": "Supervision is late.", "known": "Much.", "how": "By audits.", "next": "Coach <b>managers</b>."}


def a_history() -> list[Event]:
    events: list[Event] = [the_programme()]
    for number in range(12):
        events += an_audit(number, rag=("red", "amber", "green")[number % 3])
    return [*events, *an_action(0), *an_action(1, until="raised")]


async def begun(app: FastAPI, engine: AsyncEngine) -> httpx.AsyncClient:
    """A QA manager's browser after the report of November was begun and written."""
    await tell(engine, a_history())
    qa = await client_as(app, "qa_manager")
    answer = await qa.post("/reporting/reports", data={"programme": str(PROGRAMME), "month": "2026-11"})
    assert (answer.status_code, answer.headers["location"]) == (303, EDITION)
    assert (await qa.post(f"{EDITION}/edit", data=WORDS)).status_code == 303
    return qa


async def published(engine: AsyncEngine) -> list[BoardReportPublished]:
    async with engine.connect() as connection:
        bodies = (await connection.execute(sa.select(OUTBOX.c.body).order_by(OUTBOX.c.id))).scalars()
        return [msgspec.json.decode(body, type=BoardReportPublished) for body in bodies]


def completed_in(page: str) -> str:
    """What the report says of audits completed in its month."""
    found = re.search(r"#audits_completed.*?</td>\s*<td[^>]*>(?:<div[^>]*>)?([^<]*)<", page, re.DOTALL)
    assert found is not None
    return found.group(1).strip()


async def test_a_report_is_written_published_and_read_by_the_board(app: FastAPI, engine: AsyncEngine) -> None:
    qa, board = await begun(app, engine), await client_as(app, "board")
    assert (await board.get(EDITION)).status_code == 404
    answer = await qa.post(f"{EDITION}/publish")
    assert answer.headers["location"] == EDITION
    (event,) = await published(engine)
    assert (event.report_id, event.edition, event.month, event.published_by) == (REPORT, 1, NOVEMBER, "a-qa_manager")
    page = (await board.get(EDITION)).text
    assert "Supervision is late." in page
    assert "Coach &lt;b&gt;managers&lt;/b&gt;." in page
    assert completed_in(page) == "12"
    assert (await board.get("/reporting/reports/latest")).headers["location"] == EDITION
    assert EDITION in (await board.get("/")).text


async def test_a_published_reports_figures_do_not_move(app: FastAPI, engine: AsyncEngine, clock: FixedClock) -> None:
    qa = await begun(app, engine)
    await qa.post(f"{EDITION}/publish")
    await tell(engine, [event for number in range(20, 25) for event in an_audit(number)])
    clock.instant = NOON.replace(month=12)
    assert completed_in((await qa.get(EDITION)).text) == "12"
    assert (await qa.get(f"{EDITION}/edit")).status_code == 404
    assert (await qa.post(f"{EDITION}/edit", data={"matters": "changed"})).status_code == 404
    assert "Supervision is late." in (await qa.get(EDITION)).text


async def test_publishing_twice_says_it_once(app: FastAPI, engine: AsyncEngine) -> None:
    qa = await begun(app, engine)
    for _ in range(2):
        assert (await qa.post(f"{EDITION}/publish")).status_code == 303
    assert len(await published(engine)) == 1


async def test_a_correction_is_a_new_edition_with_new_figures_and_the_old_one_stays(
    app: FastAPI, engine: AsyncEngine
) -> None:
    qa = await begun(app, engine)
    await qa.post(f"{EDITION}/publish")
    await tell(engine, [event for number in range(20, 25) for event in an_audit(number)])
    answer = await qa.post(f"{EDITION}/correct", data={"why": "Five audits came late."})
    second = f"/reporting/reports/{REPORT}/2"
    assert answer.headers["location"] == f"{second}/edit"
    assert (await qa.post(f"{EDITION}/correct", data={"why": "Again."})).headers["location"] == EDITION
    await qa.post(f"{second}/publish")
    assert [event.edition for event in await published(engine)] == [1, 2]
    old, new = (await qa.get(EDITION)).text, (await qa.get(second)).text
    assert (completed_in(old), completed_in(new)) == ("12", "17")
    assert "There is a newer edition" in old
    assert "Five audits came late." in new
    assert "Supervision is late." in new


async def test_what_may_be_published_outside_hides_small_counts(app: FastAPI, engine: AsyncEngine) -> None:
    qa = await begun(app, engine)
    await qa.post(f"{EDITION}/publish")
    page = (await qa.get(f"{EDITION}?for=publication")).text
    row = re.search(r"Neglect.*?</tr>", page, re.DOTALL)
    assert row is not None
    assert re.findall(r">\s*(c|\d+)\s*<", row.group()) == ["c", "c", "c"]
    assert "Supervision is late." not in page


async def test_business_support_drafts_and_does_not_publish_and_the_board_only_reads(
    app: FastAPI, engine: AsyncEngine
) -> None:
    await begun(app, engine)
    support, board = await client_as(app, "business_support"), await client_as(app, "board")
    assert (await support.post(f"{EDITION}/edit", data=WORDS)).status_code == 303
    assert (await support.post(f"{EDITION}/publish")).status_code == 404
    for answer in (
        await board.post(f"{EDITION}/edit", data=WORDS),
        await board.post(f"{EDITION}/publish"),
        await board.post("/reporting/reports", data={"programme": str(PROGRAMME), "month": "2026-11"}),
    ):
        assert answer.status_code == 404
    assert await published(engine) == []


async def test_a_month_to_come_or_a_passage_too_long_is_refused_with_a_reason(
    app: FastAPI, engine: AsyncEngine
) -> None:
    qa = await begun(app, engine)
    later = await qa.post("/reporting/reports", data={"programme": str(PROGRAMME), "month": "2027-01"})
    assert later.status_code == 422
    assert "Month must not be in the future" in later.text
    nothing = await qa.post("/reporting/reports", data={"programme": "", "month": ""})
    assert "Select a programme" in nothing.text
    long = await qa.post(f"{EDITION}/edit", data={"matters": "x" * 4001})
    assert long.status_code == 422
    assert "must be 4000 characters or fewer" in long.text


async def test_the_weekly_pack_names_what_the_meeting_needs(app: FastAPI, engine: AsyncEngine) -> None:
    qa = await begun(app, engine)
    page = (await qa.get("/reporting/weeks/2026-11-02")).text
    assert "Rated red this week" in page
    assert page.count("/audit/audits/") == 4
    assert "/remedial/actions/" in (await qa.get("/reporting/weeks/2026-11-23")).text
    assert (await qa.get("/reporting/weeks/2026-11-03")).status_code == 404
    assert (await qa.get("/reporting/weeks/2026-12-07")).status_code == 404
    assert (await qa.get("/reporting/weeks")).headers["location"] == "/reporting/weeks/2026-11-23"


async def test_business_support_sees_the_actions_to_chase_and_no_audit(app: FastAPI, engine: AsyncEngine) -> None:
    await begun(app, engine)
    support = await client_as(app, "business_support")
    assert "/audit/audits/" not in (await support.get("/reporting/weeks/2026-11-02")).text
    assert "/remedial/actions/" in (await support.get("/reporting/weeks/2026-11-23")).text
    board = await client_as(app, "board")
    assert (await board.get("/reporting/weeks/2026-11-02")).status_code == 404


async def test_trends_show_the_weeks_that_are_over(app: FastAPI, engine: AsyncEngine) -> None:
    qa = await begun(app, engine)
    page = (await qa.get("/reporting/trends")).text
    assert "Audits completed, week by week" in page
    assert "16 Nov 2026" in page
    assert "23 Nov 2026" not in page
