"""A staff file becomes people and teams by date; it gives no role that only an administrator may give."""

from __future__ import annotations

import re
from datetime import date

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake import handlers
from services.intake.domain import staff_file
from shared.events import AssessmentRecorded, PersonRecorded, TeamRecorded
from tests.service.intake.test_annex_a import by_command_line
from tests.service.intake.test_finished_work import assessment
from tests.support.delivery import deliver, said
from tests.unit.intake.test_bad_input import archive

STAFF = (
    b"Worker ID,Name,Job title,Team ID,Team name,Start date,End date\n"
    b"W1,Ann Li,Social Worker,moor,Assessment Moor,01/04/2024,31/10/2026\n"
    b"W1,Ann Li,Social Worker,valley,Safeguarding Valley,31/10/2026,\n"
    b"W2,Bo Day,Team Manager,moor,Assessment Moor,01/04/2024,\n"
    b",Nobody,Social Worker,moor,Assessment Moor,01/04/2024,\n"
)


async def send(app: FastAPI, content: bytes, *roles: str, name: str = "staff.csv") -> httpx.Response:
    async with by_command_line(app, *roles) as http:
        return await http.post("/intake/imports/staff", files={"file": (name, content)}, data={"as_of": "2026-11-24"})


async def people_of(engine: AsyncEngine) -> dict[str, PersonRecorded]:
    return {event.person_id: event for event in await said(engine) if isinstance(event, PersonRecorded)}


async def test_a_staff_file_is_taken_once_and_told_once_for_each_person(app: FastAPI, engine: AsyncEngine) -> None:
    assert (await send(app, STAFF)).json() == {"accepted": 3, "duplicate": 0, "quarantined": 1, "context": {}}
    people = await people_of(engine)
    assert [held.team_id for held in people["W1"].teams] == ["moor", "valley"]
    assert people["W2"].roles == ("team_manager",)
    assert people["W2"].manages == ("moor",)
    teams = {event.team_id: event.kind for event in await said(engine) if isinstance(event, TeamRecorded)}
    assert teams == {"moor": "assessment", "valley": "safeguarding"}
    told = len(await said(engine))
    assert (await send(app, STAFF)).json()["duplicate"] == 4
    assert len(await said(engine)) == told


async def test_a_case_of_a_workers_last_day_is_the_teams_that_they_left(app: FastAPI, engine: AsyncEngine) -> None:
    """A list whose spells end on 30 June and begin on 1 July left a day on which the worker had no team."""
    await send(
        app,
        b"Worker ID,Name,Team ID,Team name,Start date,End date\n"
        b"W1,Ann Li,moor,Assessment Moor,01/04/2024,30/06/2026\n"
        b"W1,Ann Li,valley,Safeguarding Valley,01/07/2026,\n",
    )
    last = assessment("A-1", worker="W1", started_on=date(2026, 6, 1), authorised_on=date(2026, 6, 30))
    first = assessment("A-2", worker="W1", started_on=date(2026, 6, 2), authorised_on=date(2026, 7, 1))
    events = await deliver(engine, handlers.router, last, first)
    records = [event for event in events if isinstance(event, AssessmentRecorded)]
    assert [(record.team_id, record.unmatched) for record in records] == [("moor", ()), ("valley", ())]


@pytest.mark.parametrize(
    ("spells", "authorised_on", "team"),
    [
        (
            (",moor,01/04/2024,", ",valley,01/06/2026,"),
            date(2026, 7, 1),
            "valley",
        ),  # moved, and nothing closed
        ((",moor,01/04/2024,", ",valley,01/06/2026,"), date(2026, 5, 29), "moor"),
        ((",moor,01/04/2024,", ",valley,01/06/2026,31/08/2026"), date(2026, 7, 1), "valley"),  # a secondment
        ((",moor,01/04/2024,", ",valley,01/06/2026,31/08/2026"), date(2026, 9, 1), "moor"),  # and back
        ((",moor,01/04/2024,31/03/2025", ",moor,01/06/2026,"), date(2026, 7, 1), "moor"),  # left and came back
        ((",moor,01/04/2024,31/03/2025", ",moor,01/06/2026,"), date(2026, 5, 29), None),
    ],
)
async def test_of_two_teams_at_once_a_case_is_the_one_that_the_worker_joined_last(
    app: FastAPI, engine: AsyncEngine, spells: tuple[str, ...], authorised_on: date, team: str | None
) -> None:
    """A list of staff that gives each move a start and no end kept every later case with the first team of all."""
    rows = [f"W1,Ann Li{spell}" for spell in spells]
    await send(app, "\n".join(["Worker ID,Name,Team ID,Start date,End date", *rows]).encode())
    case = assessment("A-1", worker="W1", started_on=date(2026, 5, 1), authorised_on=authorised_on)
    (record,) = [e for e in await deliver(engine, handlers.router, case) if isinstance(e, AssessmentRecorded)]
    assert record.team_id == team


async def test_a_list_without_dates_that_has_a_worker_in_two_teams_keeps_both(
    app: FastAPI, engine: AsyncEngine
) -> None:
    """Each row took the worker out of the other's team, anew with every list."""
    content = b"Worker ID,Name,Team ID\nW1,Ann Li,moor\nW1,Ann Li,valley\n"
    await send(app, content)
    held = (await people_of(engine))["W1"].teams
    assert [(each.team_id, each.until) for each in held] == [("moor", None), ("valley", None)]
    told = len(await said(engine))
    assert (await send(app, content)).json()["duplicate"] == 2
    assert len(await said(engine)) == told
    await send(app, b"Worker ID,Name,Team ID\nW1,Ann Li,valley\n")
    held = (await people_of(engine))["W1"].teams
    assert [each.team_id for each in held if each.until is None] == ["valley"]


MOVES = [
    ("a move", ("moor,01/04/2024,", "valley,01/06/2026,"), {"valley"}),
    ("a move whose rows stand the other way round", ("valley,01/06/2026,", "moor,01/04/2024,"), {"valley"}),
    ("two teams from one day on", ("moor,01/06/2026,", "valley,01/06/2026,"), {"moor", "valley"}),
    ("a secondment that has an end", ("moor,01/04/2024,", "valley,01/06/2026,31/12/2027"), {"moor", "valley"}),
]


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(("rows", "teams"), [case[1:] for case in MOVES], ids=[case[0] for case in MOVES])
async def test_whoever_moved_on_a_day_sees_the_new_teams_children_only(
    app: FastAPI, engine: AsyncEngine, rows: tuple[str, ...], teams: set[str], at_once: bool
) -> None:
    """A list that gives a move its start and no end left the worker in both teams, and let them see both's children."""
    head, lines = "Worker ID,Name,Team ID,Start date,End date", [f"W1,Ann Li,{row}" for row in rows]
    for given in [lines] if at_once else [[line] for line in lines]:
        await send(app, "\n".join([head, *given]).encode())
    held = (await people_of(engine))["W1"].teams
    assert {each.team_id for each in held if each.stands_on(date(2026, 12, 1))} == teams
    told = len(await said(engine))
    await send(app, "\n".join([head, *lines]).encode())
    assert len(await said(engine)) == told


async def test_a_refused_row_of_staff_leads_to_its_place_in_quarantine(app: FastAPI) -> None:
    await send(app, STAFF)
    async with by_command_line(app, "business_support") as http:
        listed = (await http.get("/intake/uploads")).text
        address = re.search(r'href="(/intake/uploads/[0-9a-f-]{36})"', listed)
        assert address is not None
        led = re.search(r'href="(/intake/quarantine/[0-9a-f-]{36})"', (await http.get(address.group(1))).text)
        assert led is not None
        one = await http.get(led.group(1))
    assert one.status_code == 200
    assert "Correct it in the list of staff, and give the list again" in one.text
    assert "Nothing of it could be read" not in one.text
    assert "Or dismiss it" not in one.text


async def test_business_support_makes_nobody_a_manager(app: FastAPI, engine: AsyncEngine) -> None:
    await send(app, STAFF, "business_support")
    assert {person.roles for person in (await people_of(engine)).values()} == {("practitioner",)}


@pytest.mark.parametrize(
    ("title", "role"),
    [
        ("Team Manager", "team_manager"),
        ("Team Manager, Family Support", "team_manager"),
        ("Acting Practice Manager", "team_manager"),
        ("Head of Service for Safeguarding", "head_of_service"),
        ("Assistant Team Manager", None),
        ("Deputy Team Manager", None),
        ("PA to the Head of Service", None),
        ("Executive assistant to head of service", None),
        ("Business support, team manager's office", None),
        ("Assistant Social Worker", "practitioner"),
        ("Student social worker", "practitioner"),
    ],
)
def test_whoever_works_to_a_manager_is_none(title: str, role: str | None) -> None:
    """A title was looked through for a manager's, and a manager's assistant saw what the manager sees."""
    assert staff_file.role_of(title) == role


HEAD = b"Worker ID,Name,Job title,Team ID,Team name,Start date,End date\n"
MOOR = b"W2,Bo Day,Team Manager,moor,Assessment Moor,"
VALLEY = b"W2,Bo Day,Team Manager,valley,Safeguarding Valley,"


@pytest.mark.parametrize(
    ("rows", "manages"),
    [
        ([MOOR + b"01/04/2020,31/03/2024\n", VALLEY + b"01/04/2024,\n"], ("valley",)),
        ([VALLEY + b"01/04/2024,\n", MOOR + b"01/04/2020,31/03/2024\n"], ("valley",)),
        ([MOOR + b"01/04/2024,\n", VALLEY + b"01/12/2026,\n"], ("moor",)),  # moves next week
        ([MOOR + b"01/04/2024,24/11/2026\n"], ()),  # ends on the day of the file
        ([MOOR + b"01/04/2024,\n", VALLEY + b"01/06/2024,\n"], ("moor", "valley")),
    ],
)
async def test_a_manager_manages_the_teams_that_they_are_in_now(
    app: FastAPI, engine: AsyncEngine, rows: list[bytes], manages: tuple[str, ...]
) -> None:
    """Whoever once managed a team, or will, managed it at once and for good, and saw its cases."""
    await send(app, HEAD + b"".join(rows))
    assert (await people_of(engine))["W2"].manages == manages


@pytest.mark.parametrize("row", [MOOR + b"01/04/2024,31/10/2026\n", VALLEY + b",\n"])
async def test_a_manager_who_leaves_a_team_manages_it_no_more(app: FastAPI, engine: AsyncEngine, row: bytes) -> None:
    await send(app, STAFF)
    await send(app, HEAD + row)
    person = (await people_of(engine))["W2"]
    assert "moor" not in person.manages
    assert person.epoch == 1
    told = len(await said(engine))
    await send(app, HEAD + row)
    assert len(await said(engine)) == told


async def test_a_worker_who_moved_keeps_old_cases_with_the_old_team(app: FastAPI, engine: AsyncEngine) -> None:
    await send(app, STAFF)
    old = assessment("A-1", worker="W1", authorised_on=date(2026, 10, 20))
    new = assessment("A-2", worker="W1", started_on=date(2026, 10, 2), authorised_on=date(2026, 11, 20))
    events = await deliver(engine, handlers.router, old, new)
    records = [event for event in events if isinstance(event, AssessmentRecorded)]
    assert [(record.team_id, record.unmatched) for record in records] == [("moor", ()), ("valley", ())]


async def test_the_ssds_three_extracts_in_a_folder_are_one_directory(app: FastAPI, engine: AsyncEngine) -> None:
    folder = archive(
        ssd_professionals_dot_csv=b"prof_professional_id,prof_staff_id,prof_professional_name,prof_professional_job_title\n"
        b"P1,S1,Ann Li,Social Worker\n",
        ssd_department_dot_csv=b"dept_team_id,dept_team_name,dept_team_parent_id,dept_team_parent_name\n"
        b"T1,Assessment Moor,D1,Front door and assessment\n",
        ssd_involvements_dot_csv=b"invo_involvements_id,invo_professional_id,invo_professional_role_id,"
        b"invo_professional_team,invo_involvement_start_date,invo_involvement_end_date\n"
        b"I1,P1,ALLOCATED CASE WORKER,T1,2024-04-01,\n",
    )
    answer = await send(app, folder, name="ssd.zip")
    assert answer.json()["accepted"] == 3
    people = await people_of(engine)
    assert people["P1"].name == "Ann Li"
    assert [held.team_id for held in people["P1"].teams] == ["T1"]


async def test_a_file_without_ids_is_refused(app: FastAPI) -> None:
    answer = await send(app, b"Colour,Shape\nred,round\n")
    assert answer.status_code == 422
    assert answer.json()["refused"].startswith("this is no staff file")


async def test_a_staff_file_with_a_column_twice_is_refused(app: FastAPI) -> None:
    content = b"worker_id,worker_id,name\r\nW1,W2,Ann Li\r\n"
    async with by_command_line(app) as http:
        refused = await http.post("/intake/imports/staff", files={"file": ("staff.csv", content)})
    assert refused.status_code == 422
    assert refused.json() == {"refused": "staff.csv has two columns that are headed worker_id"}
