"""Nothing of who a child is gets past intake's edge, by whichever road it comes.

Canaries stand wherever a sender may put a child's name, birth date, pupil number or postcode: in rows that are taken,
in rows that are quarantined, in what is refused as a whole, and in fields that no contract has.
"""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from deploy.demo.council import Council
from deploy.local.home import Home
from deploy.local.ports import Ports
from deploy.local.postgres import DATABASE, LOOPBACK, SUPERUSER, binaries
from shared.events import Topic
from tests.support.eventually import eventually
from tests.system.conftest import signed_in
from tests.system.stack import RunningStack
from tests.system.test_what_comes_in import contact, record, recorded_ids
from tests.system.traces import Collector

pytestmark = pytest.mark.timeout(120)

NAME, SURNAME = "Canaryella", "Quibblethwaite"
BORN, BORN_IN_ENGLISH = "2013-02-23", "23/02/2013"
PUPIL, FORMER_PUPIL = "CANARYUPN0001", "CANARYUPN0002"
POSTCODE, PLACED_AT = "CN7 7RY", "CN8 8RY"
SECRETS = (NAME, SURNAME, BORN, BORN_IN_ENGLISH, PUPIL, FORMER_PUPIL, POSTCODE, PLACED_AT)

TODAY = datetime.now(UTC).date()
STARTED, AUTHORISED = str(TODAY - timedelta(days=30)), str(TODAY - timedelta(days=2))
PUSH = "/intake/children_social_care_data/999/children"


def pushed(number: str, authorised: str = AUTHORISED) -> dict[str, object]:
    """A child as the DfE's document has it, with all that says who it is."""
    details = {
        "first_name": NAME,
        "surname": SURNAME,
        "date_of_birth": BORN,
        "unique_pupil_number": PUPIL,
        "former_unique_pupil_number": FORMER_PUPIL,
        "postcode": POSTCODE,
    }
    assessment = {
        "child_and_family_assessment_id": f"A{number}",
        "start_date": STARTED,
        "authorisation_date": authorised,
    }
    placement = {"child_looked_after_placement_id": f"P{number}", "start_date": STARTED, "postcode": PLACED_AT}
    episode = {
        "social_care_episode_id": f"E{number}",
        "referral_date": STARTED,
        "child_and_family_assessments": [assessment],
        "child_looked_after_placements": [placement],
    }
    return {"la_child_id": number, "child_details": details, "social_care_episodes": [episode]}


async def by_push(stack: RunningStack, token: str) -> None:
    """One child that is taken, one that is quarantined, and two bodies that are refused for what is in them."""
    async with httpx.AsyncClient(base_url=stack.url, headers={"Authorization": f"Bearer {token}"}) as supplier:
        taken = await supplier.post(PUSH, json=[pushed("4300001"), pushed("4300002", authorised="1985-01-01")])
        assert "quarantined=1" in taken.headers["caseloop-outcome"], taken.text
        for wrong in ([pushed("4300003") | {SURNAME: POSTCODE}], [pushed("4300003", authorised=SURNAME)]):
            refused = await supplier.post(PUSH, json=wrong)
            assert refused.status_code == httpx.codes.BAD_REQUEST
            assert_without_secrets(refused.text, "the answer")
        # Nor where somebody asks for a child by name, in an address that is nobody's.
        await supplier.get(f"/intake/assessments?name={SURNAME}&born={BORN}")


def by_file(stack: RunningStack, folder: Path) -> None:
    """An Annex A list and a census, each with a row that is taken and one that is not."""
    annex_a = folder / "list-4.csv"
    heads = "Child Unique ID,Child Name,Gender,Ethnicity,Date of Birth,Age,Postcode,UPN,"
    heads += "Continuous Assessment Start Date,Continuous Assessment Date of Authorisation,Allocated Team\n"
    who = f"{NAME} {SURNAME},b) Female,a) WBRI,{BORN_IN_ENGLISH},12,{POSTCODE},{PUPIL}"
    good, bad = f"4300011,{who},05/01/2024,19/02/2024,Moor\n", f"4300012,{who},05/01/2024,{SURNAME},Moor\n"
    annex_a.write_text(heads + good + bad)
    said = stack.caseloop("import", "annex-a", str(annex_a), "--list", "4", "--as-of", "2024-03-31").said
    assert (said["accepted"], said["quarantined"]) == (1, 1), said
    census = folder / "census.xml"
    identifiers = (
        f"<UPN>{PUPIL}</UPN><FormerUPN>{FORMER_PUPIL}</FormerUPN><PersonBirthDate>{BORN}</PersonBirthDate>"
        f"<Forename>{NAME}</Forename><Surname>{SURNAME}</Surname><PostCode>{POSTCODE}</PostCode>"
    )
    census.write_text(
        "<Message><Header><CollectionDetails><Collection>CIN</Collection></CollectionDetails>"
        "<Source><LEA>999</LEA></Source></Header><Children><Child>"
        f"<ChildIdentifiers><LAchildID>4300021</LAchildID>{identifiers}</ChildIdentifiers>"
        "<CINdetails><CINreferralDate>2024-01-05</CINreferralDate><ReferralNFA>0</ReferralNFA>"
        f"<Section47><S47ActualStartDate>{SURNAME}</S47ActualStartDate></Section47></CINdetails>"
        "</Child></Children></Message>"
    )
    said = stack.caseloop("import", "cin-census", str(census), "--as-of", "2024-03-31").said
    assert (said["accepted"], said["quarantined"]) == (1, 1), said


async def by_kafka(stack: RunningStack) -> None:
    """Fields that the contract does not have, and one that a name makes invalid; all are in the sender's own topic."""
    slips = [
        record(contact("4300031"), child_name=f"{NAME} {SURNAME}", date_of_birth=BORN, upn=PUPIL, postcode=POSTCODE),
        record(contact("4300032"), contacted_on=SURNAME),
        record(contact("4300033"), worker=f"{NAME} {SURNAME} {POSTCODE} " * 9),
    ]
    await stack.send(Topic.CMS_ASSESSMENTS, slips)


async def test_who_a_child_is_stands_in_no_database_topic_log_or_trace(
    stack: RunningStack, council: Council, collected: Collector, tmp_path: Path
) -> None:
    token = stack.caseloop("sender", "add", "Canary's supplier").said["token"]
    await by_push(stack, token)
    by_file(stack, tmp_path)
    await by_kafka(stack)
    await stack.send(Topic.CMS_ASSESSMENTS, [record(contact("4300039"))])

    async def all_came_through() -> None:
        ids = ("4300001", "4300011", "4300021", "4300031", "4300039")
        assert await recorded_ids(stack, {each: each for each in ids}) == set(ids)
        async with signed_in(stack, "business_support") as client:
            assert "4300002" not in (await client.get("/intake/quarantine")).raise_for_status().text
        assert PUSH.replace("999", "{la_code}") in collected.everything

    await eventually(all_came_through, timeout=30)
    assert_without_secrets(database(stack), "the database")
    assert_without_secrets(stack.logs(), "a log")
    assert_without_secrets(collected.everything, "a trace")
    for topic in Topic:
        if topic not in {Topic.LOCAL, Topic.CMS_ASSESSMENTS}:
            assert_without_secrets(repr(await stack.everything_in(topic)), topic)


def database(stack: RunningStack) -> str:
    """Every table of every service as text."""
    port = Ports(int(stack.environment["CASELOOP_PORT"])).postgres
    command = [str(binaries() / "pg_dump"), "--data-only", "-h", LOOPBACK, "-p", str(port), "-U", SUPERUSER, DATABASE]
    environment = os.environ | {"PGPASSWORD": Home(stack.home).password(SUPERUSER)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60).stdout


def assert_without_secrets(text: str, where: str) -> None:
    """None of the canaries is in it, however it is written."""
    folded = text.casefold()
    found = [each for each in SECRETS if each.casefold() in folded]
    found += [f"{born:%d %B %Y}" for born in (date.fromisoformat(BORN),) if f"{born:%d %B %Y}".casefold() in folded]
    assert found == [], f"{where} holds {found}"
