"""A CIN census becomes records; each CINdetails, Assessments, Section47 and plan element comes to exactly one thing."""

from __future__ import annotations

import asyncio
import re
import resource
import subprocess
import sys
from datetime import date
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake import census_file
from services.intake.settings import Settings
from shared.events import AssessmentRecorded
from tests.service.intake.conftest import sample
from tests.service.intake.test_annex_a import by_command_line
from tests.support.clients import client_as
from tests.support.delivery import said

ROWS = re.compile(rb"<(CINdetails|Assessments|Section47|CINPlanDates|ChildProtectionPlans)>")

ASSESSMENT = (
    "<Assessments><AssessmentActualStartDate>2024-01-08</AssessmentActualStartDate>"
    "<AssessmentAuthorisationDate>2024-02-20</AssessmentAuthorisationDate>"
    "<FactorsIdentifiedAtAssessment><AssessmentFactors>16A</AssessmentFactors>"
    "<AssessmentFactors>3B</AssessmentFactors></FactorsIdentifiedAtAssessment></Assessments>"
)
PLAN = (
    "<ChildProtectionPlans><CPPstartDate>2024-02-01</CPPstartDate>"
    "<LatestCategoryOfAbuse>NEG</LatestCategoryOfAbuse></ChildProtectionPlans>"
)


def census(details: str, council: str = "999", child: str = "<LAchildID>C1</LAchildID>") -> bytes:
    """A census of one child with one referral."""
    return (
        f"<Message><Header><CollectionDetails><Collection>CIN</Collection></CollectionDetails>"
        f"<Source><LEA>{council}</LEA></Source></Header><Children><Child><ChildIdentifiers>{child}"
        f"<PersonBirthDate>2015-03-27</PersonBirthDate></ChildIdentifiers><CINdetails>"
        f"<CINreferralDate>2024-01-05</CINreferralDate><ReferralNFA>0</ReferralNFA>{details}"
        f"</CINdetails></Child></Children></Message>"
    ).encode()


async def send(app: FastAPI, content: bytes, as_of: str = "2024-03-31") -> httpx.Response:
    async with by_command_line(app) as http:
        files = {"file": ("census.xml", content)}
        return await http.post("/intake/imports/cin-census", files=files, data={"as_of": as_of})


async def test_a_census_is_taken_once_and_its_plan_decides_the_category(app: FastAPI, engine: AsyncEngine) -> None:
    content = census(ASSESSMENT + PLAN)
    assert (await send(app, content)).json() == {"accepted": 3, "duplicate": 0, "quarantined": 0, "context": {}}
    records = [event for event in await said(engine) if isinstance(event, AssessmentRecorded)]
    (assessment,) = [record for record in records if record.kind == "assessment"]
    assert assessment.category_of_abuse == "NEG"
    assert assessment.referred_on == date(2024, 1, 5)
    assert assessment.factors == ("16A", "3B")
    assert (await send(app, content)).json()["duplicate"] == 3


@pytest.mark.parametrize(
    ("details", "code", "corrected"),
    [
        (ASSESSMENT.replace("16A", "21"), "factors_contradict", {"factors": "21"}),
        (re.sub("<Factors.*</FactorsIdentifiedAtAssessment>", "", ASSESSMENT), "no_factors", {"factors": "16A"}),
        (ASSESSMENT + ASSESSMENT.replace("2024-01-08", "2024-01-10"), "overlaps", {"started_on": "2024-02-20"}),
    ],
)
async def test_what_is_wrong_is_not_taken_in_by_pressing_the_button(
    app: FastAPI, details: str, code: str, corrected: dict[str, str]
) -> None:
    """What only the census's rules or its other rows had refused went in with nothing changed, as "corrected"."""
    await send(app, census(details))
    async with await client_as(app, "business_support") as http:
        (refused,) = (await http.get(f"/intake/quarantine.json?reason={code}")).json()["items"]
        address = f"/intake/quarantine/{refused['quarantine_id']}/resubmit.json"
        unchanged = await http.post(address, json={"fields": {}})
        mended = await http.post(address, json={"fields": corrected})
    assert (unchanged.status_code, unchanged.json().get("refused")) == (422, refused["sentence"])
    assert mended.json()["state"] == "resubmitted"


async def test_a_birth_date_that_cannot_be_corrected_is_explained(app: FastAPI) -> None:
    """The form has no field for what the page says is wrong, so nobody knew what to do."""
    await send(app, census(ASSESSMENT).replace(b"2015-03-27", b"1990-03-27"))
    async with await client_as(app, "business_support") as http:
        refused = (await http.get("/intake/quarantine.json?reason=too_old")).json()["items"][0]
        page = (await http.get(f"/intake/quarantine/{refused['quarantine_id']}")).text
    assert "If this one was mistyped, take the record in without it; if it was right, dismiss it." in page


async def test_an_id_that_stands_for_two_children_is_not_taken_in_unchanged(app: FastAPI) -> None:
    """The second child's assessment became the first child's."""
    other = census("").replace(b"2015-03-27", b"2013-01-01").replace(b"2024-01-05", b"2024-02-05")
    both = census("").replace(
        b"</Children>", other[other.index(b"<Child>") : other.index(b"</Children>")] + b"</Children>"
    )
    await send(app, both)
    async with await client_as(app, "business_support") as http:
        (refused,) = (await http.get("/intake/quarantine.json?reason=id_of_another_child")).json()["items"]
        address = f"/intake/quarantine/{refused['quarantine_id']}/resubmit.json"
        unchanged = await http.post(address, json={"fields": {"child": " C1 "}})
        mended = await http.post(address, json={"fields": {"child": "C2"}})
    assert (unchanged.status_code, unchanged.json()["field"]) == (422, "child")
    assert mended.json()["state"] == "resubmitted"


@pytest.mark.parametrize(
    ("details", "code"),
    [
        (ASSESSMENT.replace("16A", "99Z"), "unknown_code"),
        (ASSESSMENT.replace("16A", "21"), "factors_contradict"),
        (re.sub("<Factors.*</FactorsIdentifiedAtAssessment>", "", ASSESSMENT), "no_factors"),
        (ASSESSMENT.replace("2024-01-08", "2023-12-25"), "starts_before_referral"),
        (ASSESSMENT.replace("2024-02-20", "2024-01-07"), "ends_before_start"),
        (ASSESSMENT.replace("2024-02-20", "2024-04-01"), "in_the_future"),
        (ASSESSMENT.replace("2024-02-20", "2024-02-30"), "not_a_date"),
        (ASSESSMENT + ASSESSMENT.replace("2024-01-08", "2024-01-10"), "overlaps"),
        (PLAN.replace("2024-02-01", ""), "missing"),
    ],
)
async def test_a_row_that_breaks_a_rule_is_quarantined_with_the_childs_id_and_element(
    app: FastAPI, engine: AsyncEngine, details: str, code: str
) -> None:
    assert (await send(app, census(details))).json()["quarantined"] == 1
    async with engine.connect() as connection:
        row = (await connection.execute(sa.text("SELECT code, place FROM quarantined"))).one()
    assert row.code == code
    assert row.place["child"] == "C1"
    assert row.place["sheet"] in {"Assessments", "ChildProtectionPlans"}


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><Message>&b;</Message>'


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file is empty"),
        (b"not xml", "the file is cut short or is not well-formed XML"),
        (census(ASSESSMENT)[:-40], "the file is cut short or is not well-formed XML"),
        (census(ASSESSMENT, council="998"), "this is the census of council 998, not of 999"),
        (b"<Other/>", "this is not a CIN census: it has no Message with Children"),
        (BOMB, "the file declares entities or a document type, which a census never does"),
        (
            b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><Message/>',
            "the file declares entities or a document type, which a census never does",
        ),
        (b"<Message>" * 500, "the file is nested deeper or longer than any census"),
    ],
)
async def test_a_file_that_is_no_census_is_refused_and_takes_nothing(
    app: FastAPI, engine: AsyncEngine, content: bytes, why: str
) -> None:
    answer = await send(app, content)
    assert answer.status_code == 422
    assert answer.json() == {"refused": why}
    assert await said(engine) == []


@pytest.mark.parametrize("name", ["CIN_Census_2024.xml", "CIN2rows.xml", "fake_CIN_data.xml"])
async def test_every_row_of_the_samples_comes_to_something(
    app: FastAPI, engine: AsyncEngine, keys: tuple[str, bytes], name: str
) -> None:
    content = sample(f"cin_census/{name}").read_bytes()
    council = re.search(rb"<LEA>(\d+)</LEA>", content)
    assert council is not None
    app.state.service.settings.council = council.group(1).decode()
    counts = (await send(app, content, as_of="2024-12-31")).json()
    assert counts["accepted"] + counts["duplicate"] + counts["quarantined"] == len(ROWS.findall(content))
    again = (await send(app, content, as_of="2024-12-31")).json()
    assert again["accepted"] == again["quarantined"] == 0


def test_a_large_census_is_read_within_bounded_memory(tmp_path: Path) -> None:
    head, tail = census("").split(b"<Child>")[0], b"</Children></Message>"
    child = b"<Child>" + census(ASSESSMENT * 20).split(b"<Child>")[1].removesuffix(tail)
    path = tmp_path / "census.xml"
    with path.open("wb") as file:
        file.write(head)
        for _ in range(10_000):
            file.write(child)
        file.write(tail)
    assert path.stat().st_size > 50 * 1024 * 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    census_file.check(path, "999")
    assert sum(1 for _ in census_file.children(path)) == 10_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40 * 1024


WALK = """
import resource, sys
from pathlib import Path
from services.intake import census_file

path = Path(sys.argv[1])
census_file.check(path, "999")
children = sum(1 for _ in census_file.children(path))
print(children, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_five_hundred_megabytes_are_read_within_two_hundred(tmp_path: Path) -> None:
    """In a process of its own, both passes: what it took at most is what the reader took."""
    head, tail = census("").split(b"<Child>")[0], b"</Children></Message>"
    child = b"<Child>" + census(ASSESSMENT * 20).split(b"<Child>")[1].removesuffix(tail)
    number = 500 * 1024 * 1024 // len(child) + 1
    path = tmp_path / "census.xml"
    with path.open("wb") as file:
        file.write(head)
        for _ in range(number):
            file.write(child)
        file.write(tail)
    walked = subprocess.run([sys.executable, "-c", WALK, path], capture_output=True, text=True, check=True)
    path.unlink()
    children, megabytes = map(int, walked.stdout.split())
    assert children == number
    assert megabytes < 200


async def test_two_replicas_that_take_the_same_file_at_once_double_nothing(
    app: FastAPI, engine: AsyncEngine, keys: tuple[str, bytes]
) -> None:
    """Each row is accepted by one of them and has no effect in the other."""
    from services.intake.app import build

    other = build(Settings(database_url=engine.url.render_as_string(hide_password=False)))
    one = re.search(b"<Child>.*</Child>", census(ASSESSMENT + PLAN))
    assert one is not None
    many = b"".join(one.group().replace(b">C1<", b">C%d<" % number) for number in range(300))
    content = census(ASSESSMENT + PLAN).replace(one.group(), many)
    answers = [answer.json() for answer in await asyncio.gather(send(app, content), send(other, content))]
    assert [sum(each[name] for each in answers) for name in ("accepted", "duplicate", "quarantined")] == [900, 900, 0]
    recorded = [event for event in await said(engine) if isinstance(event, AssessmentRecorded)]
    assert len({event.assessment_id for event in recorded}) == 600
    # Where a transaction ends between an assessment and the plan over it, its category is told as a second version.
    assert len({(event.assessment_id, event.version) for event in recorded}) == len(recorded) <= 603
    await other.state.service.engine.dispose()
