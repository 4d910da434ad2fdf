"""Signing in by choosing a person, one's account, and what an administrator may do with people."""

import json
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake import people_pages, sign_in
from shared.access import Role, people, sessions
from shared.clock import FixedClock
from shared.db import sessions as database_sessions
from shared.messaging.tables import OUTBOX
from shared.web import install
from tests.service.access.conftest import NOON, Service, Settings
from tests.support.clients import a_person, client, client_as, cookie_for, keep

TEMPLATES = Path(sign_in.__file__).parent / "templates"


@dataclass
class IntakeSettings(Settings):
    """As much of intake's settings as sign-in reads."""

    origin: str = "http://127.0.0.1:8080"
    local_sign_in: bool = True
    local_sign_in_anywhere: bool = False


@pytest.fixture
def intake(engine: AsyncEngine, tmp_path: Path) -> FastAPI:
    key = tmp_path / "session.key"
    key.write_text("k" * 32)
    app = FastAPI(openapi_url=None)
    app.state.service = Service(engine, IntakeSettings(key), FixedClock(NOON))
    install(app, templates=TEMPLATES, council="Council 999")
    app.include_router(sign_in.router)
    app.include_router(people_pages.router)
    return app


async def said(engine: AsyncEngine) -> list[dict[str, object]]:
    """The bodies of what waits to be published, in order."""
    async with engine.connect() as connection:
        bodies = (await connection.execute(sa.select(OUTBOX.c.body).order_by(OUTBOX.c.id))).scalars()
        return [json.loads(body) for body in bodies]


async def stored(engine: AsyncEngine, person_id: str) -> people.Person:
    async with database_sessions(engine)() as session:
        person = await people.person(session, person_id)
    assert person is not None
    return person


async def choose(app: FastAPI, person_id: str, wanted: str = "/") -> httpx.Response:
    return await client(app).post("/sign-in", data={"person_id": person_id, "next": wanted})


async def test_people_are_offered_by_role(intake: FastAPI) -> None:
    await keep(
        intake,
        a_person("w1", Role.AUDITOR, name="Ada Cole"),
        a_person("w2", Role.QA_MANAGER, Role.AUDITOR, name="Ben Okafor"),
        structs.replace(a_person("w3", Role.PRACTITIONER, name="Gone Away"), active=False),
    )
    page = (await client(intake).get("/sign-in?next=/audit/inbox")).text
    assert page.count("Ada Cole") == 1
    assert page.count("Ben Okafor") == 2
    assert "Gone Away" not in page
    assert "QA manager" in page
    assert 'name="next" value="/audit/inbox"' in page


async def test_who_was_signed_out_is_told_that_nothing_was_saved(intake: FastAPI) -> None:
    await keep(intake, a_person("w1", Role.AUDITOR, name="Ada Cole"))
    assert "was not saved" in (await client(intake).get("/sign-in?unsaved=yes")).text
    assert "was not saved" not in (await client(intake).get("/sign-in")).text


async def test_with_nobody_known_the_page_says_what_would_fill_it(intake: FastAPI) -> None:
    assert "Nobody is known yet" in (await client(intake).get("/sign-in")).text


async def test_choosing_a_person_signs_them_in_and_goes_on(intake: FastAPI) -> None:
    await keep(intake, a_person("w1", Role.AUDITOR, name="Ada Cole"))
    answer = await choose(intake, "w1", "/audit/inbox?theme=neglect")
    assert (answer.status_code, answer.headers["location"]) == (303, "/audit/inbox?theme=neglect")
    cookie = answer.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Path=/", f"Max-Age={8 * 60 * 60}"))
    assert "Secure" not in cookie
    page = await client(intake, answer.cookies[sessions.COOKIE]).get("/account")
    assert "Ada Cole" in page.text


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "/a\nb", "/" + "a" * 900, ""]
)
async def test_sign_in_leads_nowhere_else(intake: FastAPI, wanted: str) -> None:
    await keep(intake, a_person("w1", Role.AUDITOR))
    assert (await choose(intake, "w1", wanted)).headers["location"] == "/"


async def test_nobody_signs_in_as_somebody_unknown_or_gone(intake: FastAPI) -> None:
    await keep(intake, structs.replace(a_person("w1"), active=False))
    assert (await choose(intake, "w1")).status_code == 404
    assert (await choose(intake, "stranger")).status_code == 404


async def test_without_local_sign_in_nobody_is_offered_and_nobody_let_in(intake: FastAPI) -> None:
    intake.state.service.settings.local_sign_in = False
    await keep(intake, a_person("w1", Role.AUDITOR, name="Ada Cole"))
    assert "Ada Cole" not in (await client(intake).get("/sign-in")).text
    assert (await choose(intake, "w1")).status_code == 404


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"])
def test_local_sign_in_runs_on_loopback(tmp_path: Path, origin: str) -> None:
    sign_in.check_local_sign_in(IntakeSettings(tmp_path, origin=origin))


@pytest.mark.parametrize("origin", ["http://192.168.1.7:8080", "https://audit.council.example", "http://0.0.0.0:8080"])
def test_local_sign_in_refuses_any_other_origin_unless_told(tmp_path: Path, origin: str) -> None:
    with pytest.raises(sign_in.LocalSignInRefusedError, match="CASELOOP_LOCAL_SIGN_IN_ANYWHERE"):
        sign_in.check_local_sign_in(IntakeSettings(tmp_path, origin=origin))
    sign_in.check_local_sign_in(IntakeSettings(tmp_path, origin=origin, local_sign_in_anywhere=True))
    sign_in.check_local_sign_in(IntakeSettings(tmp_path, origin=origin, local_sign_in=False))


async def test_the_cookie_is_for_https_only_where_the_origin_is(intake: FastAPI) -> None:
    intake.state.service.settings.origin = "https://audit.council.example"
    await keep(intake, a_person("w1", Role.AUDITOR))
    assert "Secure" in (await choose(intake, "w1")).headers["set-cookie"]


async def test_signing_out_forgets_the_cookie(intake: FastAPI) -> None:
    answer = await (await client_as(intake, Role.AUDITOR)).post("/sign-out")
    assert answer.headers["location"] == "/sign-in"
    assert f'{sessions.COOKIE}=""' in answer.headers["set-cookie"]


async def test_signing_out_everywhere_ends_every_session_and_tells_the_other_services(
    intake: FastAPI, engine: AsyncEngine
) -> None:
    here = await client_as(intake, Role.AUDITOR, person_id="w1")
    elsewhere = client(intake, cookie_for(intake, "w1"))
    assert (await here.post("/account/sign-out-everywhere")).status_code == 303
    assert (await elsewhere.get("/account")).headers["location"].startswith("/sign-in")
    (event,) = await said(engine)
    assert (event["person_id"], event["epoch"], event["version"]) == ("w1", 1, 2)


async def test_only_an_administrator_sees_people(intake: FastAPI) -> None:
    for role in Role:
        browser = await client_as(intake, role, person_id=f"p-{role.value}")
        expected = 200 if role == Role.ADMINISTRATOR else 404
        assert (await browser.get("/intake/people")).status_code == expected
        assert (await browser.get("/intake/teams")).status_code == expected


@pytest.fixture
async def administrator(intake: FastAPI) -> httpx.AsyncClient:
    return await client_as(intake, Role.ADMINISTRATOR, person_id="root")


async def test_a_person_is_added_with_roles_and_teams(
    intake: FastAPI, engine: AsyncEngine, administrator: httpx.AsyncClient
) -> None:
    team = {"team_id": "da1", "name": "Duty and Assessment 1", "kind": "assessment", "service": "Front"}
    assert (await administrator.post("/intake/teams/new", data=team)).status_code == 303
    person = {
        "person_id": "w7",
        "name": "Cara Lindqvist",
        "roles": ["practitioner", "team_manager"],
        "teams": "da1",
        "manages": "da1",
    }
    assert (await administrator.post("/intake/people/new", data=person)).status_code == 303
    cara = await stored(engine, "w7")
    assert cara.roles == {"practitioner", "team_manager"}
    assert cara.manages == {"da1"}
    assert cara.teams_on(NOON.date()) == {"da1"}
    assert [event.get("team_id") or event.get("person_id") for event in await said(engine)] == ["da1", "w7"]
    assert "Cara Lindqvist" in (await administrator.get("/intake/people?q=cara&role=practitioner")).text


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "", "Enter a name"),
        ("person_id", "root", "Somebody has this worker id already"),
        ("person_id", "a/b", "Worker id is not valid"),
        ("email", "nonsense", "Email address is not valid"),
        ("roles", ["king"], "Select roles"),
        ("teams", ["t9"], "Choose from the list"),
    ],
)
async def test_a_mistake_is_named_and_nothing_is_said(
    administrator: httpx.AsyncClient, engine: AsyncEngine, field: str, value: object, message: str
) -> None:
    answer = await administrator.post("/intake/people/new", data={"person_id": "w7", "name": "Cara", field: value})
    assert answer.status_code == 422
    assert message in answer.text
    assert await said(engine) == []


async def test_a_change_keeps_the_history_of_teams_and_ends_sessions_when_a_role_is_lost(
    intake: FastAPI, engine: AsyncEngine, administrator: httpx.AsyncClient
) -> None:
    for team in ("old", "new"):
        await administrator.post("/intake/teams/new", data={"team_id": team, "name": team, "kind": "other"})
    await keep(intake, a_person("w1", Role.AUDITOR, Role.PRACTITIONER, teams=["old"]))
    change = {"name": "Ada Cole", "roles": "practitioner", "teams": "new"}
    assert (await administrator.post("/intake/people/w1", data=change)).status_code == 303
    ada = await stored(engine, "w1")
    assert (ada.name, ada.epoch, ada.version) == ("Ada Cole", 1, 2)
    assert ada.roles == {"practitioner"}
    assert ada.teams_on(NOON.date()) == {"new"}
    assert [(held.team_id, held.until) for held in ada.memberships] == [("old", NOON.date()), ("new", None)]


async def test_gaining_a_role_ends_no_session(
    intake: FastAPI, engine: AsyncEngine, administrator: httpx.AsyncClient
) -> None:
    await keep(intake, a_person("w1", Role.PRACTITIONER))
    await administrator.post("/intake/people/w1", data={"name": "Ada", "roles": ["practitioner", "auditor"]})
    assert (await stored(engine, "w1")).epoch == 0


async def test_who_is_deactivated_is_out_and_can_come_back(
    intake: FastAPI, engine: AsyncEngine, administrator: httpx.AsyncClient
) -> None:
    browser = await client_as(intake, Role.AUDITOR, person_id="w1")
    assert "Deactivate W1?" in (await administrator.get("/intake/people/w1/deactivate")).text
    assert (await administrator.post("/intake/people/w1/deactivate")).status_code == 303
    assert (await browser.get("/account")).status_code == 303
    assert (await administrator.post("/intake/people/w1/reactivate")).status_code == 303
    back = await stored(engine, "w1")
    assert (back.active, back.epoch) == (True, 2)
    assert (await browser.get("/account")).status_code == 303


async def test_the_last_administrator_stays(engine: AsyncEngine, administrator: httpx.AsyncClient) -> None:
    assert (await administrator.post("/intake/people/root/deactivate")).headers["location"] == "/intake/people/root"
    answer = await administrator.post("/intake/people/root", data={"name": "Root", "roles": "auditor"})
    assert "Somebody must stay administrator" in answer.text
    root = await stored(engine, "root")
    assert root.active
    assert root.roles == {"administrator"}
    assert await said(engine) == []


@pytest.mark.parametrize("action", ["deactivate", "reactivate", "sign-out"])
async def test_nobody_unknown_is_changed(administrator: httpx.AsyncClient, action: str) -> None:
    assert (await administrator.post(f"/intake/people/stranger/{action}")).status_code == 404


async def test_a_team_is_changed_and_a_taken_id_refused(engine: AsyncEngine, administrator: httpx.AsyncClient) -> None:
    await administrator.post("/intake/teams/new", data={"team_id": "da1", "name": "One", "kind": "assessment"})
    again = await administrator.post("/intake/teams/new", data={"team_id": "da1", "name": "Two", "kind": "other"})
    assert "A team has this id already" in again.text
    await administrator.post("/intake/teams/da1", data={"name": "Three", "kind": "front_door", "service": "Front"})
    async with database_sessions(engine)() as session:
        assert await people.team(session, "da1") == people.Team("da1", "Three", "front_door", "Front", True, 2)
    assert [event["version"] for event in await said(engine)] == [1, 2]
    assert (await administrator.get("/intake/teams/t9")).status_code == 404
