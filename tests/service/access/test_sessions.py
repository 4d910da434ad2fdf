"""Who is let in, who finds nothing, and how a session ends."""

import httpx
import pytest
from fastapi import FastAPI
from msgspec import structs

from shared.access import Role, sessions
from tests.support.clients import a_person, client, client_as, cookie_for, keep


async def whoami(browser: httpx.AsyncClient) -> httpx.Response:
    return await browser.get("/whoami.json")


async def test_the_scope_is_the_union_of_the_roles_and_of_what_they_answer_for(app: FastAPI) -> None:
    browser = await client_as(
        app, Role.TEAM_MANAGER, Role.AUDITOR, person_id="w1", teams=["t1"], manages=["t1", "t2"], services=["Front"]
    )
    assert (await whoami(browser)).json() == {
        "person_id": "w1",
        "roles": ["auditor", "team_manager"],
        "teams": ["t1", "t2"],
        "services": [],
        "own_teams": ["t1"],
    }


async def test_signed_out_a_page_leads_to_sign_in_and_back(app: FastAPI) -> None:
    answer = await client(app).get("/audit/inbox?theme=neglect&page=2")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/audit/inbox%3Ftheme%3Dneglect%26page%3D2"


async def test_signed_out_what_was_sent_is_said_to_be_lost_and_the_page_comes_back(app: FastAPI) -> None:
    """A form that was open too long led to sign-in without a word, and from there home."""
    browser = client(app)
    where = f"{browser.base_url}/audit/inbox?page=2"
    sent = await browser.post("/audit/inbox", headers={"Referer": where})
    assert sent.headers["location"] == "/sign-in?unsaved=yes&next=/audit/inbox%3Fpage%3D2"
    elsewhere = await browser.post("/audit/inbox", headers={"Referer": "https://example.org/x"})
    assert elsewhere.headers["location"] == "/sign-in?unsaved=yes"


async def test_signed_out_a_program_is_told_so(app: FastAPI) -> None:
    assert (await whoami(client(app))).status_code == 401


async def test_what_one_may_not_see_looks_like_what_does_not_exist(app: FastAPI) -> None:
    browser = await client_as(app, Role.PRACTITIONER)
    forbidden, absent = await browser.get("/audit/inbox"), await browser.get("/audit/nothing")
    assert forbidden.status_code == absent.status_code == 404
    assert forbidden.text == absent.text
    assert (await browser.post("/audit/inbox")).status_code == 404


async def test_who_may_see_a_page_sees_it(app: FastAPI) -> None:
    assert (await (await client_as(app, Role.QA_MANAGER)).get("/audit/inbox")).status_code == 200


async def test_a_higher_epoch_ends_every_session_at_once(app: FastAPI) -> None:
    browser = await client_as(app, Role.AUDITOR, person_id="w1")
    assert (await whoami(browser)).status_code == 200
    await keep(app, a_person("w1", Role.AUDITOR, epoch=1, version=2))
    assert (await whoami(browser)).status_code == 401


async def test_who_has_left_is_signed_out(app: FastAPI) -> None:
    browser = await client_as(app, Role.AUDITOR, person_id="w1")
    await keep(app, structs.replace(a_person("w1", Role.AUDITOR, version=2), active=False))
    assert (await whoami(browser)).status_code == 401


async def test_a_role_that_was_taken_is_gone_with_the_next_request(app: FastAPI) -> None:
    browser = await client_as(app, Role.AUDITOR, person_id="w1")
    await keep(app, a_person("w1", Role.PRACTITIONER, version=2))
    assert (await browser.get("/audit/inbox")).status_code == 404


@pytest.mark.parametrize("cookie", ["", "nonsense", "eyJwIjoidzEiLCJlIjowfQ.aaaaaa.bbbbbbbbbbbbbb"])
async def test_a_forged_cookie_is_nobodys(app: FastAPI, cookie: str) -> None:
    await keep(app, a_person("w1", Role.AUDITOR))
    assert (await whoami(client(app, cookie))).status_code == 401


async def test_a_cookie_signed_with_another_key_is_nobodys(app: FastAPI) -> None:
    await keep(app, a_person("w1", Role.AUDITOR))
    assert (await whoami(client(app, sessions.sign(b"x" * 32, "w1", 0)))).status_code == 401


async def test_a_cookie_of_yesterday_is_nobodys(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    await keep(app, a_person("w1", Role.AUDITOR))
    cookie = cookie_for(app, "w1")
    monkeypatch.setattr(sessions, "LIFETIME_SECONDS", -1)
    assert (await whoami(client(app, cookie))).status_code == 401


async def test_somebody_unknown_is_nobody(app: FastAPI) -> None:
    assert (await whoami(client(app, cookie_for(app, "stranger")))).status_code == 401


async def test_the_command_line_is_taken_from_loopback_only(app: FastAPI) -> None:
    key = sessions.read_key(app.state.service.settings.session_key_file)
    cookie = sessions.sign_system(key, Role.ADMINISTRATOR)
    assert (await whoami(client(app, cookie))).json()["roles"] == ["administrator"]
    elsewhere = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, client=("192.0.2.7", 4711)),
        base_url="http://127.0.0.1:8080",
        cookies={sessions.COOKIE: cookie},
    )
    assert (await whoami(elsewhere)).status_code == 401
