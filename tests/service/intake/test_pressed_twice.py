"""Buttons pressed twice in intake: a person, a team, a sender and a correction are made once, and nothing breaks."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.access import Role
from tests.service.intake.test_annex_a import send, workbook
from tests.service.intake.test_pages import ENDS_FIRST, GOOD, quarantine_id
from tests.support.clients import client_as
from tests.support.delivery import said
from tests.support.pressing import BOTH_WAYS, Arrange, Ready, assert_led_on, counted, send_twice


async def a_person(app: FastAPI, _: AsyncEngine) -> Ready:
    fields = {"person_id": "worker-9", "name": "Worker Nine", "roles": "practitioner"}
    return Ready(await client_as(app, Role.ADMINISTRATOR), "/intake/people/new", fields)


async def a_manager(app: FastAPI, _: AsyncEngine) -> Ready:
    administrator = await client_as(app, Role.ADMINISTRATOR)
    await administrator.post("/intake/teams/new", data={"team_id": "moor", "name": "Moor", "kind": "assessment"})
    fields = {"person_id": "manager-9", "name": "Manager Nine", "roles": "team_manager"}
    return Ready(administrator, "/intake/people/new", {**fields, "teams": "moor", "manages": "moor"})


async def a_team(app: FastAPI, _: AsyncEngine) -> Ready:
    fields = {"team_id": "moor", "name": "Assessment Moor", "kind": "assessment"}
    return Ready(await client_as(app, Role.ADMINISTRATOR), "/intake/teams/new", fields)


async def a_sender(app: FastAPI, _: AsyncEngine) -> Ready:
    return Ready(await client_as(app, Role.ADMINISTRATOR), "/intake/senders", json.dumps({"name": "Mosaic"}))


async def _support(app: FastAPI) -> httpx.AsyncClient:
    assert (await send(app, workbook(GOOD, ENDS_FIRST))).json()["quarantined"] == 1
    return await client_as(app, Role.BUSINESS_SUPPORT)


async def a_worker_found(app: FastAPI, _: AsyncEngine) -> Ready:
    support = await _support(app)
    found = re.search(r"kind=worker&amp;stand_in=([^\"]+)", (await support.get("/intake/unmatched")).text)
    assert found is not None
    fields = {"kind": "worker", "stand_in": found[1], "add": "yes", "stands_for": ""}
    return Ready(support, "/intake/unmatched", fields)


async def a_team_found(app: FastAPI, _: AsyncEngine) -> Ready:
    support = await _support(app)
    found = re.search(r"kind=team&amp;stand_in=([^\"]+)", (await support.get("/intake/unmatched")).text)
    assert found is not None
    return Ready(support, "/intake/unmatched", {"kind": "team", "stand_in": found[1], "add": "yes", "stands_for": ""})


async def a_correction(app: FastAPI, engine: AsyncEngine) -> Ready:
    support = await _support(app)
    fields = {"child": "78", "started_on": "2021-02-04", "finished_on": "2021-02-09"}
    return Ready(support, f"/intake/quarantine/{await quarantine_id(engine)}/resubmit", fields)


async def a_dismissal(app: FastAPI, engine: AsyncEngine) -> Ready:
    support = await _support(app)
    return Ready(support, f"/intake/quarantine/{await quarantine_id(engine)}/dismiss", {"why": "Entered twice"})


SETTLED = "SELECT count(*) FROM quarantined WHERE state <> 'waiting'"
PEOPLE = "SELECT count(*) FROM person"
PRESSES: dict[str, tuple[Arrange, str]] = {
    "POST /intake/people/new": (a_person, PEOPLE),
    "POST /intake/people/new (a manager)": (a_manager, PEOPLE),
    "POST /intake/teams/new": (a_team, "SELECT count(*) FROM team"),
    "POST /intake/senders": (a_sender, "SELECT count(*) FROM sender"),
    "POST /intake/unmatched": (a_worker_found, PEOPLE),
    "POST /intake/unmatched (a team)": (a_team_found, "SELECT count(*) FROM team"),
    "POST /intake/quarantine/{quarantine_id}/resubmit": (a_correction, SETTLED),
    "POST /intake/quarantine/{quarantine_id}/dismiss": (a_dismissal, SETTLED),
}

TOLD_OFF = {"POST /intake/senders": "a token is shown once: whoever asks again learns that the name is taken"}


@BOTH_WAYS
@pytest.mark.parametrize("route", PRESSES)
async def test_a_form_sent_twice_does_it_once(app: FastAPI, engine: AsyncEngine, route: str, together: bool) -> None:
    arrange, count = PRESSES[route]
    ready = await arrange(app, engine)
    before = await counted(engine, count)
    told = len(await said(engine))
    answers = await send_twice(ready.browser, ready.address, ready.fields, together=together)
    assert_led_on(answers, TOLD_OFF.get(route))
    assert await counted(engine, count) == before + 1
    events = (await said(engine))[told:]
    assert len({(type(each), each.key) for each in events}) == len(events), "it was said twice"
    await ready.browser.aclose()
