"""The DfE's daily push API: state in, differences out, and nothing of who the child is kept anywhere."""

from __future__ import annotations

import gzip
import json
import logging
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake import handlers, pushes
from shared.clock import london_date
from shared.events import (
    AssessmentRecorded,
    AssessmentWithdrawn,
    ChildUnlinked,
    CmsRecordPurged,
    EpisodeRecorded,
    EpisodeWithdrawn,
)
from tests.service.intake.conftest import sample
from tests.service.intake.test_annex_a import by_command_line, send, workbook
from tests.service.intake.test_finished_work import assessment
from tests.support.clients import ORIGIN
from tests.support.delivery import deliver, said

ADDRESS = "/intake/children_social_care_data/999/children"
TODAY = london_date(datetime.now(UTC))
STARTED, AUTHORISED = str(TODAY - timedelta(days=40)), str(TODAY - timedelta(days=3))

Json = dict[str, object]

_EPISODE_ID = "0.social_care_episodes.0.social_care_episode_id: "
_BORN = "0.child_details.date_of_birth: "


@pytest.fixture
async def supplier(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A system with a token."""
    async with by_command_line(app) as http:
        token = (await http.post("/intake/senders", json={"name": "Case system"})).json()["token"]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url=ORIGIN, headers={"authorization": f"Bearer {token}"}
    ) as client:
        yield client


def child(number: str = "Child1", **episode: object) -> Json:
    """A child with one episode that was referred forty days ago."""
    return {
        "la_child_id": number,
        "social_care_episodes": [{"social_care_episode_id": f"E-{number}", "referral_date": STARTED, **episode}],
    }


def assessed(number: str = "Child1", **facts: object) -> Json:
    """A child with one assessment."""
    assessment = {"child_and_family_assessment_id": f"A-{number}", "start_date": STARTED, **facts}
    return child(number, child_and_family_assessments=[assessment])


async def push(supplier: httpx.AsyncClient, *children: Mapping[str, object]) -> httpx.Response:
    return await supplier.post(ADDRESS, json=list(children))


async def records(engine: AsyncEngine) -> list[AssessmentRecorded]:
    return [event for event in await said(engine) if isinstance(event, AssessmentRecorded)]


async def test_an_assessment_is_recorded_when_it_gains_its_date_of_authorisation(
    supplier: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    first = await push(supplier, assessed())
    assert first.status_code == 200
    assert isinstance(first.json(), str)
    assert await records(engine) == []
    await push(supplier, assessed(authorisation_date=AUTHORISED, factors=["16A"]))
    (record,) = await records(engine)
    assert (str(record.authorised_on), record.factors, record.source) == (AUTHORISED, ("16A",), "dfe")
    again = await push(supplier, assessed(authorisation_date=AUTHORISED, factors=["16A"]))
    assert again.headers["caseloop-outcome"] == "accepted=0; duplicate=3; quarantined=0"
    assert len(await records(engine)) == 1


async def test_a_referral_and_an_enquiry_are_recorded_when_they_are_decided(
    supplier: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    enquiry: Json = {"section_47_assessment_id": "S-1", "start_date": STARTED}
    await push(supplier, child(section_47_assessments=[enquiry]))
    assert await records(engine) == []
    ended = enquiry | {"end_date": AUTHORISED, "icpc_required_flag": False}
    await push(supplier, child(section_47_assessments=[ended], referral_no_further_action_flag=False))
    assert sorted(record.kind for record in await records(engine)) == ["enquiry", "referral"]


async def test_a_purge_of_one_assessment_of_an_episode_and_of_a_child_withdraws_what_it_names(
    supplier: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    for number in ("Child1", "Child2", "Child3"):
        await push(supplier, assessed(number, authorisation_date=AUTHORISED))
    purged = {"child_and_family_assessment_id": "A-Child1", "purge": True}
    await push(supplier, child("Child1", child_and_family_assessments=[purged]))
    episode = {"social_care_episode_id": "E-Child2", "purge": True}
    await push(supplier, {"la_child_id": "Child2", "social_care_episodes": [episode]})
    await push(supplier, {"la_child_id": "Child3", "purge": True})
    events = await said(engine)
    assert sum(isinstance(event, AssessmentWithdrawn) for event in events) == 3
    assert sum(isinstance(event, ChildUnlinked) for event in events) == 2


async def test_a_purge_of_an_episode_withdraws_the_plans_and_placements_under_it_and_no_others(
    supplier: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    plan = {"child_protection_plan_id": "CP1", "start_date": STARTED}
    placement = {"child_looked_after_placement_id": "P1", "start_date": STARTED}
    other = {"child_protection_plan_id": "CP2", "start_date": AUTHORISED}
    gone = {"social_care_episode_id": "E1", "referral_date": STARTED, "child_protection_plans": [plan]}
    stays = {"social_care_episode_id": "E2", "referral_date": AUTHORISED, "child_protection_plans": [other]}
    await push(
        supplier,
        {"la_child_id": "C1", "social_care_episodes": [gone | {"child_looked_after_placements": [placement]}, stays]},
    )
    assert sum(isinstance(event, EpisodeRecorded) for event in await said(engine)) == 5
    purged = {"social_care_episode_id": "E1", "purge": True}
    await push(supplier, {"la_child_id": "C1", "social_care_episodes": [purged, stays]})
    withdrawn = [event.kind for event in await said(engine) if isinstance(event, EpisodeWithdrawn)]
    assert sorted(withdrawn) == ["case", "child_protection", "placement"]


@pytest.mark.parametrize(
    ("second", "outcome"),
    [
        pytest.param(assessed(authorisation_date=AUTHORISED), "accepted=3; duplicate=3", id="the same"),
        pytest.param(
            child(social_care_episode_id="E-2", referral_date=AUTHORISED),
            "accepted=5; duplicate=0",
            id="another episode",
        ),
        pytest.param(assessed(authorisation_date=STARTED), "accepted=3; duplicate=0; quarantined=1", id="another date"),
        pytest.param({"la_child_id": "Child1", "purge": True}, "accepted=3; duplicate=0; quarantined=1", id="a purge"),
        pytest.param(
            {"la_child_id": "Child1", "social_care_episodes": [{"social_care_episode_id": "E-Child1", "purge": True}]},
            "accepted=3; duplicate=0; quarantined=1",
            id="a purge of its episode",
        ),
    ],
)
async def test_a_child_that_is_there_twice_and_says_two_things_is_quarantined_the_second_time(
    supplier: httpx.AsyncClient, engine: AsyncEngine, second: Json, outcome: str
) -> None:
    """The last of the two replaced the first, and a purge beside a plan told its end before its start."""
    answer = await push(supplier, assessed(authorisation_date=AUTHORISED), second)
    assert answer.headers["caseloop-outcome"].startswith(outcome)
    assert [str(record.authorised_on) for record in await records(engine) if record.kind == "assessment"] == [
        AUTHORISED
    ]


async def test_two_placements_that_began_on_one_day_change_nothing_when_they_come_again(
    supplier: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    """Moved on its first day: each push gave the one place to either, and told both anew, every day."""
    first = {"child_looked_after_placement_id": "P1", "start_date": STARTED, "end_date": STARTED}
    moved = child(
        child_looked_after_placements=[first, {"child_looked_after_placement_id": "P2", "start_date": STARTED}]
    )
    await push(supplier, moved)
    before = await said(engine)
    again = await push(supplier, moved)
    assert again.headers["caseloop-outcome"] == "accepted=0; duplicate=4; quarantined=0"
    assert await said(engine) == before
    placements = [event for event in before if isinstance(event, EpisodeRecorded) and event.kind == "placement"]
    assert placements[-1].ended_on is None


async def test_a_placement_that_follows_another_on_its_first_day_is_the_one_that_stands(
    supplier: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    """In two pushes; and when the second ends, so does what stands."""
    first = {"child_looked_after_placement_id": "P1", "start_date": STARTED}
    second = {"child_looked_after_placement_id": "P2", "start_date": STARTED}
    ended = first | {"end_date": STARTED}
    for placements in ([first], [ended, second], [second, ended], [ended, second | {"end_date": AUTHORISED}]):
        await push(supplier, child(child_looked_after_placements=placements))
    told = [event for event in await said(engine) if isinstance(event, EpisodeRecorded) and event.kind == "placement"]
    ends = [event.ended_on and str(event.ended_on) for event in told]
    assert (ends[0], ends[-1]) == (None, AUTHORISED)
    assert [event.version for event in told] == list(range(1, len(told) + 1))


async def test_an_implausible_child_is_quarantined_and_the_rest_is_taken(
    supplier: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    tomorrow = str(TODAY + timedelta(days=2))
    answer = await push(
        supplier,
        assessed("Child1", authorisation_date=AUTHORISED),
        assessed("Child2", authorisation_date=tomorrow),
    )
    assert answer.status_code == 200
    assert "quarantined=1" in answer.headers["caseloop-outcome"]
    assert len(await records(engine)) == 1
    receipt = (await supplier.get(f"/intake/receipts/{answer.json()}")).json()
    assert receipt["quarantined"] == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"{}",
        b"[1]",
        b'[{"la_child_id": "a b"}]',
        b'[{"la_child_id": null}]',
        b'[{"la_child_id": "A1", "unknown": 1}]',
        b'[{"la_child_id": "A1", "purge": "yes"}]',
        b'[{"la_child_id": "A1", "social_care_episodes": [{}]}]',
        b'[{"la_child_id": "A1", "social_care_episodes": [{"social_care_episode_id": "1", "closure_date": "1/2/21"}]}]',
        b'[{"la_child_id": "A1", "social_care_episodes": [{"social_care_episode_id": "1", "closure_date": 20210101}]}]',
        b'[{"la_child_id": "A1", "child_details": {"surname": "Canary", "unique_pupil_number": "1"}}]',
        b'[{"la_child_id": "A1"}, {"la_child_id": "\xff"}]',
        b"[" * 5000,
        b'[{"la_child_id": "A1", "unknown": ' + b"[" * 500 + b"]" * 500 + b"}]",
        b'\xef\xbb\xbf[{"la_child_id": "A1"}]',
        '[{"la_child_id": "A1"}]'.encode("utf-16"),
        gzip.compress(b'[{"la_child_id": "A1"}]'),
        b'[{"la_child_id": "A1", "child_details": {"first_name": "\\ud800"}}]',
        b'[{"la_child_id": "A1", "la_child_id": "A2"}]',
        b'[{"la_child_id": "A1"}][]',
        b'[{"la_child_id": "A1\\n"}]',
        b'[{"la_child_id": "1.0E+05"}]',
        b'[{"la_child_id": "A1", "health_and_wellbeing": {"sdq_assessments": [{"score": "1"}]}}]',
        b'[{"la_child_id": "A1", "social_care_episodes": [{"social_care_episode_id": "1", "closure_date": '
        b'"2026-10-25T01:30:00"}]}]',
        b'[{"la_child_id": "A1", "health_and_wellbeing": {"sdq_assessments": [{"score": NaN}]}}]',
    ],
)
async def test_what_breaks_the_schema_answers_400_and_takes_nothing(
    supplier: httpx.AsyncClient, engine: AsyncEngine, body: bytes
) -> None:
    answer = await supplier.post(ADDRESS, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert "Canary" not in answer.text
    assert await said(engine) == []


async def test_a_push_without_any_body_is_well_formed_and_says_nothing(supplier: httpx.AsyncClient) -> None:
    """The document requires none; an address may hold any integer up to 999, but only one is ours."""
    assert (await supplier.post(ADDRESS)).status_code == 204
    addresses = [ADDRESS.replace("999", code) for code in ("-1", "0", "1000", "9e2", "-", "-" + "9" * 5000)]
    assert [(await supplier.post(each)).status_code for each in addresses] == [403, 403, 400, 400, 400, 400]


async def test_every_other_status_of_the_document_is_answered(app: FastAPI, supplier: httpx.AsyncClient) -> None:
    empty = await push(supplier)
    many = await push(supplier, *({"la_child_id": f"C{number}"} for number in range(101)))
    elsewhere = await supplier.post(ADDRESS.replace("999", "998"), json=[])
    nowhere = await supplier.post(ADDRESS.replace("999", "abc"), json=[])
    nobody = await supplier.post(ADDRESS, json=[], headers={"authorization": "Bearer wrong"})
    unsigned = await supplier.post(ADDRESS, json=[], headers={"authorization": ""})
    app.state.push_limiter.rate, app.state.push_limiter.burst = 0.1, 1
    app.state.push_limiter._left.clear()
    await push(supplier)
    often = await push(supplier)
    assert [answer.status_code for answer in (empty, many, elsewhere, nowhere, nobody, unsigned, often)] == [
        204,
        413,
        403,
        400,
        401,
        401,
        429,
    ]
    assert nobody.headers["www-authenticate"] == "Bearer"
    assert int(often.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("body", "said_back"),
    [
        (b"{", "body: it is not JSON"),
        (b'[{"la_child_id": "A1", "Maisie": 1}]', "0: a field that the document does not have"),
        (b'[{"la_child_id": "A1", "social_care_episodes": [{}]}]', _EPISODE_ID + "it is missing"),
        (b'[{"la_child_id": "A-1"}]', "0.la_child_id: it is not written as the document asks"),
        (b'[{"la_child_id": 1}]', "0.la_child_id: not of the type that the document asks"),
        (b'[{"la_child_id": "%b"}]' % (b"1" * 21), "0.la_child_id: it is too long"),
        (b'[{"la_child_id": "A1", "child_details": {"date_of_birth": "1/2/21"}}]', _BORN + "not a full date"),
        (
            b'[{"la_child_id": "A1", "child_details": {"date_of_birth": "2021-02-30"}}]',
            _BORN + "not a date that exists",
        ),
    ],
)
async def test_a_program_that_says_nothing_of_what_it_accepts_is_refused_in_one_plain_line(
    supplier: httpx.AsyncClient, body: bytes, said_back: str
) -> None:
    """It was answered with a page of sixty lines, which said `extra_forbidden`."""
    answer = await supplier.post(ADDRESS, content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()) == (400, {"detail": said_back})


async def test_whatever_a_program_is_refused_for_it_is_told_in_one_line(supplier: httpx.AsyncClient) -> None:
    nobody = {"authorization": "Bearer nobody's"}
    refusals = [
        await supplier.post(ADDRESS.replace("999", "998"), json=[]),
        await supplier.post(ADDRESS.replace("999", "abc"), json=[]),
        await supplier.post(ADDRESS, json=[], headers=nobody),
        await push(supplier, *({"la_child_id": f"C{number}"} for number in range(101))),
        await supplier.get(f"/intake/receipts/{UUID(int=0)}"),
        await supplier.get("/intake/receipts/nonsense"),
        await supplier.get(f"/intake/receipts/{UUID(int=0)}", headers=nobody),
    ]
    assert [answer.status_code for answer in refusals] == [403, 400, 401, 413, 404, 404, 401]
    assert all(isinstance(answer.json()["detail"], str) for answer in refusals)


async def test_nothing_of_who_the_child_is_is_stored_told_or_logged(
    supplier: httpx.AsyncClient, engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    """Canaries are planted where a push carries a child's identity, in a child that is taken and one that is not."""
    canaries = {
        "first_name": "Canaryfirst",
        "surname": "Canarylast",
        "date_of_birth": "2015-03-17",
        "unique_pupil_number": "CANARY1234567",
        "former_unique_pupil_number": "CANARY7654321",
        "postcode": "CN1 9RY",
        "ethnicity": "CNRY",
    }
    placement = {"child_looked_after_placement_id": "P1", "start_date": STARTED, "postcode": "CN2 9RY"}
    with caplog.at_level(logging.DEBUG):
        good = assessed("Child1", authorisation_date=AUTHORISED) | {"child_details": canaries}
        good["social_care_episodes"][0]["child_looked_after_placements"] = [placement]  # type: ignore[index]
        bad = assessed("Child2", authorisation_date="1985-01-01") | {"child_details": canaries}
        await push(supplier, good, bad)
        await supplier.post(ADDRESS, json=[good | {"unknown": "Canaryunknown"}])
    (record,) = await records(engine)
    assert record.age_band in {"10-15", "5-9"}
    everything = json.dumps(await dump(engine)) + caplog.text
    for canary in (*canaries.values(), "CN2 9RY", "Canaryunknown"):
        assert canary not in everything


async def dump(engine: AsyncEngine) -> dict[str, list[str]]:
    """Every row of every table as text, the outbox's bodies among them."""
    async with engine.connect() as connection:
        names = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        tables = list((await connection.execute(sa.text(names))).scalars())
        return {
            table: [str(tuple(row)) for row in await connection.execute(sa.text(f'SELECT * FROM "{table}"'))]
            for table in tables
        }


async def test_the_documents_own_example_is_understood(supplier: httpx.AsyncClient) -> None:
    document = json.loads(sample("dfe_csc_api/openapi.json").read_text())
    example = document["components"]["schemas"]["CSC"]["items"]["example"]
    answer = await supplier.post(ADDRESS, json=[example])
    assert answer.status_code == 200


async def test_a_code_that_no_database_holds_quarantines_its_child_and_nobody_else(
    supplier: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    """Incident: a NUL in a factor that changed answered 500, and with it every other child of the push was lost."""
    await push(supplier, assessed(authorisation_date=AUTHORISED, factors=["16A"]))
    bad = assessed(authorisation_date=AUTHORISED, factors=["1\x00A"])
    answered = await push(supplier, bad, assessed("Child2", authorisation_date=AUTHORISED, factors=["16A"]))
    assert (answered.status_code, answered.headers["caseloop-outcome"][-13:]) == (200, "quarantined=1")
    assert [record.factors for record in await records(engine)] == [("16A",), ("16A",)]


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_body_over_the_bound_is_refused_in_one_line(supplier: httpx.AsyncClient, is_streamed: bool) -> None:
    """It was answered with a page; where its length was not said, a fault of ours was logged."""
    body = b"[" + b" " * pushes.MOST_BYTES + b"]"

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1 << 16):
            yield body[start : start + (1 << 16)]

    headers = {"content-type": "application/json"}
    answer = await supplier.post(ADDRESS, content=pieces() if is_streamed else body, headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (413, "Content Too Large")


async def test_a_push_of_what_another_road_had_deleted_says_so(
    supplier: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    """Among the duplicates, so that the three still add up."""
    begun, ended = date.fromisoformat(STARTED), date.fromisoformat(AUTHORISED)
    now = datetime.now(UTC)
    published = assessment(child="Child1", occurred_at=now, started_on=begun, authorised_on=ended)
    gone = CmsRecordPurged(occurred_at=now, version=2, council="999", id="A-1", child="Child1", kind="assessment")
    await deliver(engine, handlers.router, published, gone)
    told = len(await said(engine))
    answer = await push(supplier, assessed(authorisation_date=AUTHORISED))
    assert answer.headers["caseloop-outcome"].endswith("; quarantined=0; deleted=1")
    assert not [event for event in (await said(engine))[told:] if isinstance(event, AssessmentRecorded)]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_a_method_that_the_document_has_not_is_told_which_it_has(
    supplier: httpx.AsyncClient, method: str
) -> None:
    """It answered "Page not found", and whoever had set the wrong method looked for a wrong address.

    The address is in the document, so this tells nobody what exists: not even a token is looked at.
    """
    for client_headers in ({}, {"authorization": ""}):
        for address in (ADDRESS, ADDRESS.replace("999", "998")):
            answer = await supplier.request(method, address, headers=client_headers)
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_a_code_has_one_spelling(supplier: httpx.AsyncClient) -> None:
    """`0999` was taken as 999; an integer, as the document has it, begins with no nought."""
    addresses = [ADDRESS.replace("999", code) for code in ("0999", "00", "-0999", "0")]
    assert [(await supplier.post(each, json=[])).status_code for each in addresses] == [400, 400, 400, 403]


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/json; charset=utf-8", None])
async def test_json_is_taken_whatever_it_is_called(supplier: httpx.AsyncClient, kind: str | None) -> None:
    """The document has no status for a wrong type, and JSON reads one way only."""
    headers = {"content-type": kind} if kind else {}
    answer = await supplier.post(ADDRESS, content=json.dumps([assessed()]), headers=headers)
    assert answer.status_code == 200


async def test_what_another_road_had_deleted_is_said_not_to_be_taken(
    app: FastAPI, supplier: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    """It counted as nothing new, and nobody was told that a list holds children whom their system had deleted."""
    await push(supplier, assessed("77", authorisation_date=AUTHORISED))
    await push(supplier, {"la_child_id": "77", "purge": True})
    told = len(await said(engine))
    row = ("77", None, date.fromisoformat(STARTED), "Yes", date.fromisoformat(AUTHORISED), "Moor", None)
    taken = (await send(app, workbook(row), as_of=str(TODAY))).json()
    assert (taken["accepted"], taken["duplicate"], taken["quarantined"]) == (0, 1, 0)
    assert taken["notes"] == ["1 row is of what another source had deleted; it was not taken"]
    async with by_command_line(app, "business_support") as http:
        address = re.search(r'href="(/intake/uploads/[0-9a-f-]{36})"', (await http.get("/intake/uploads")).text)
        assert address is not None
        page = (await http.get(address.group(1))).text
    assert "Another source had this deleted" in page
    assert taken["notes"][0] in page
    assert len(await said(engine)) == told
