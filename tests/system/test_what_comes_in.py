"""What is wrong is put aside with its place, what is right goes through, and nothing is lost or told to the wrong."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from python_calamine import CalamineWorkbook

from deploy.demo.council import Council
from shared.events import CmsContactDecided, CmsEvent, Topic
from shared.messaging.codec import encode_headers
from tests.support.eventually import eventually
from tests.system.conftest import signed_in
from tests.system.stack import Raw, RunningStack

ANNEX_A = Path(__file__).parents[3] / "shared" / "data" / "annex_a" / "Annex_A_liia_sample.xlsx"
LISTS = (1, 3, 4, 5)
EXAMPLE = Path(__file__).parents[2] / "examples" / "publish_assessments.py"

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def annex_a() -> Path:
    """The sector's own sample; a clone without it skips, a CI without it fails."""
    if not ANNEX_A.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{ANNEX_A.name} is not beside the repository")
        pytest.skip(f"{ANNEX_A.name} is not beside this clone")
    return ANNEX_A


def rows_of(workbook: Path) -> int:
    """How many rows Lists 1, 3, 4 and 5 hold under their headings, counted without our reader."""
    book = CalamineWorkbook.from_path(workbook)
    sheets = [f"List {number}" for number in LISTS]
    return sum(sum(any(cell != "" for cell in row) for row in _below_heading(book, name)) for name in sheets)


def _below_heading(book: CalamineWorkbook, sheet: str) -> Sequence[Sequence[object]]:
    rows = book.get_sheet_by_name(sheet).to_python()
    heading = next(number for number, row in enumerate(rows) if "Child Unique ID" in row)
    return rows[heading + 1 :]


def test_an_annex_a_workbook_is_counted_to_the_last_row_and_changes_nothing_the_second_time(
    stack: RunningStack, council: Council, annex_a: Path
) -> None:
    first = stack.caseloop("import", "annex-a", str(annex_a), "--as-of", "2021-03-12")
    assert first.code == 0, first.said
    assert first.said["accepted"] + first.said["duplicate"] + first.said["quarantined"] == rows_of(annex_a)
    assert first.said["accepted"] > 0
    again = stack.caseloop("import", "annex-a", str(annex_a), "--as-of", "2021-03-12")
    assert again.code == 0
    assert (again.said["accepted"], again.said["quarantined"]) == (0, 0)
    assert again.said["duplicate"] == rows_of(annex_a)


def test_a_refused_file_ends_with_2_and_why_and_a_quarantined_row_is_counted_and_ends_with_0(
    stack: RunningStack, council: Council, tmp_path: Path
) -> None:
    cut = tmp_path / "census.xml"
    cut.write_text("<Message><Header>")
    refused = stack.caseloop("import", "cin-census", str(cut), "--as-of", "2024-03-31")
    assert (refused.code, list(refused.said)) == (2, ["refused"])
    assert "cut short" in refused.said["refused"]
    rows = tmp_path / "list-4.csv"
    rows.write_text(
        "Child Unique ID,Continuous Assessment Start Date,Continuous Assessment Date of Authorisation\n"
        "4200031,05/01/2024,19/02/2024\n4200032,05/01/2024,soon\n"
    )
    imported = stack.caseloop("import", "annex-a", str(rows), "--list", "4", "--as-of", "2024-03-31")
    assert imported.code == 0
    counts = [imported.said[name] for name in ("accepted", "duplicate", "quarantined")]
    assert counts == [1, 0, 1]


def contact(child: str) -> CmsContactDecided:
    """A contact that the front door decided just now."""
    now = datetime.now(UTC)
    return CmsContactDecided(
        occurred_at=now,
        council="999",
        id=f"contact-of-{child}",
        child=child,
        contacted_on=now.date(),
        decided_on=now.date(),
        outcome="Early help",
    )


def record(event: CmsEvent, **changed: object) -> Raw:
    """The event as a Kafka record, with fields of its body changed or added."""
    body = json.loads(event.body or b"{}") | changed
    headers = encode_headers(
        event_id=uuid4(),
        source="test-council",
        kind=event.type(),
        occurred_at=event.occurred_at,
        key=event.key,
        version=event.version,
        trace=None,
    )
    return event.key.encode(), json.dumps(body).encode(), headers


async def recorded_ids(stack: RunningStack, sender_ids: dict[str, str]) -> set[str]:
    """Which of these children have work on intake's own topic, by the names given to them."""
    linked = [found.body for found in await stack.everything_in(Topic.CHILDREN) if found.value]
    cases = {body["case_id"]: body["child_id"] for body in linked}
    recorded = {found.body.get("child_id") for found in await stack.everything_in(Topic.ASSESSMENTS)}
    return {name for name, child in sender_ids.items() if cases.get(child) in recorded}


async def test_a_malformed_event_is_quarantined_with_its_place_and_the_rest_goes_through(
    stack: RunningStack, council: Council
) -> None:
    """Not JSON, a date that is none, another council: three bad ones between two good ones."""
    good, also_good = contact("4200001"), contact("4200002")
    key, _, headers = record(contact("4200003"))
    bad = [
        (key, b"{not json", headers),
        record(contact("4200004"), contacted_on="the day before yesterday"),
        record(contact("4200005"), council="998"),
    ]
    sent = await stack.send(Topic.CMS_ASSESSMENTS, [record(good), *bad, record(also_good)])

    async def good_ones_went_through() -> None:
        children = {"good": "4200001", "also good": "4200002"}
        assert await recorded_ids(stack, children) == set(children)

    await eventually(good_ones_went_through, timeout=20)
    async with signed_in(stack, "business_support") as client:

        async def bad_ones_are_listed() -> None:
            page = (await client.get("/intake/quarantine")).raise_for_status().text
            for one in sent[1:4]:
                assert f"{one.topic}, partition {one.partition}, offset {one.offset}" in page

        await eventually(bad_ones_are_listed, timeout=20)


async def test_the_example_for_suppliers_is_heard(stack: RunningStack, council: Council, tmp_path: Path) -> None:
    """What its docstring shows, run as it says; the second run has no effect, for the ids are the record's own."""
    finished = tmp_path / "finished.jsonl"
    line = {
        "type": "CmsAssessmentAuthorised",
        "council": "999",
        "id": "A-71533",
        "child": "4200021",
        "family": "F-2088",
        "worker": "W1014",
        "team": "assessment-moor",
        "started_on": "2026-10-12",
        "authorised_on": "2026-11-23",
        "authorised_at": "2026-11-23T16:40:00+00:00",
        "factors": ["16A", "3B"],
    }
    finished.write_text(json.dumps(line) + "\n")
    for _ in range(2):
        example = await asyncio.create_subprocess_exec(sys.executable, EXAMPLE, stack.kafka, finished)
        assert await example.wait() == 0

    async def heard() -> None:
        assert await recorded_ids(stack, {"example": "4200021"}) == {"example"}

    await eventually(heard, timeout=20)
    published = [found for found in await stack.everything_in(Topic.CMS_ASSESSMENTS) if found.key == b"4200021"]
    assert len({found.headers["ce_id"] for found in published}) == 1


CANARY = "Canaryella Quibblewick"


async def test_a_name_that_a_sender_lets_slip_is_nowhere_afterwards(stack: RunningStack, council: Council) -> None:
    """In a field that we do not know, and in one that it makes invalid: neither a log nor a topic of ours holds it."""
    slips = [
        record(contact("4200011"), child_name=CANARY),
        record(contact("4200012"), contacted_on=CANARY),
        record(contact("4200013"), worker=f"{CANARY} " * 9),
    ]
    await stack.send(Topic.CMS_ASSESSMENTS, [*slips, record(contact("4200014"))])

    async def taken_in() -> None:
        assert await recorded_ids(stack, {"last": "4200014"}) == {"last"}

    await eventually(taken_in, timeout=20)
    assert CANARY not in stack.logs()
    for topic in Topic:
        if topic not in {Topic.LOCAL, Topic.CMS_ASSESSMENTS}:
            said = repr(await stack.everything_in(topic))
            assert CANARY not in said, f"{topic} holds it"
