"""The loop, from a case management system's event to the board, over Kafka and HTTP only."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import govuk_bank_holidays
import httpx
import pytest

from deploy.demo.colleagues import AUDIT, fill_in, paths
from deploy.demo.council import Council
from deploy.demo.narratives import READINGS
from deploy.demo.visitor import Visitor
from shared.events import AuditCompleted, CmsAssessmentAuthorised, Finding, Topic
from shared.messaging.codec import Headers, encode_headers
from shared.working_days import local_date
from tests.support.eventually import eventually
from tests.system.conftest import AUDITOR, Programme, sign_in, signed_in
from tests.system.stack import RunningStack

TEAM = "assessment-moor"
RED, FINDING = next(
    (reading, reading.finding) for reading in READINGS if reading.rag == "red" and reading.finding is not None
)

pytestmark = pytest.mark.timeout(120)


def authorised_now(council: Council, child: str) -> CmsAssessmentAuthorised:
    """An assessment that a manager authorised just now, by people of the council."""
    now = datetime.now(UTC)
    return CmsAssessmentAuthorised(
        occurred_at=now,
        council="999",
        id=f"assessment-of-{child}",
        child=child,
        worker=council.practitioners_of(TEAM)[0].person_id,
        team=TEAM,
        started_on=local_date(now) - timedelta(days=40),
        authorised_on=local_date(now),
        authorised_at=now,
        authorised_by=council.manager_of(TEAM).person_id,
        factors=("16A", "3B"),
        child_seen=True,
    )


async def figures(stack: RunningStack, programme: Programme) -> dict[str, int]:
    """The board's counts for the programme, as they stand."""
    async with signed_in(stack, "qa_manager") as client:
        response = await client.get("/reporting/figures.json", params={"programme": str(programme.programme_id)})
    said = response.raise_for_status().json()["figures"]
    return {code: int(figure["value"] or 0) for code, figure in said.items() if figure["unit"] == "count"}


def moves(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Which figures moved, and by how much."""
    return {code: after[code] - before[code] for code in after if after[code] != before[code]}


async def audit_waiting(visitor: Visitor, besides: frozenset[str] = frozenset()) -> str:
    """The one audit that waits in the auditor's inbox, not counting those known before."""
    await sign_in(visitor, AUDITOR)

    async def in_the_inbox() -> str:
        waiting = set(paths(await visitor.open("/audit/inbox"), AUDIT)) - besides
        assert len(waiting) == 1
        return waiting.pop()

    return await eventually(in_the_inbox, timeout=20)


async def complete_with_a_red_finding(visitor: Visitor, audit: str) -> None:
    """Fill the form in and press its last button, as the auditor who is signed in."""
    page = await visitor.press(await visitor.open(audit), "", value="add-finding")
    page = await visitor.press(page, "", fill_in(page.form("", "complete"), RED), value="complete")
    assert page.status == httpx.codes.OK
    assert page.url.endswith("/audit/inbox"), page.text


async def one_action(visitor: Visitor, audit_id: str) -> Mapping[str, str]:
    """The action of an audit, as the person who is signed in is told of it."""

    async def raised() -> Mapping[str, str]:
        listed = (await visitor.facts("/remedial/api/actions"))["actions"]
        actions = [each for each in listed if each["audit_id"] == audit_id]
        assert len(actions) == 1
        return dict(actions[0])

    return await eventually(raised, timeout=20)


def fifth_working_day_after(day: date) -> date:
    """Five working days on, reckoned here from what gov.uk publishes, not by the code that is tested."""
    published = json.loads((Path(govuk_bank_holidays.__file__).parent / "bank-holidays.json").read_text())
    closed = {event["date"] for event in published["england-and-wales"]["events"]}
    left = 5
    while left:
        day += timedelta(days=1)
        left -= day.isoweekday() <= 5 and day.isoformat() not in closed
    return day


async def test_the_loop_closes_from_the_assessment_to_the_board(
    stack: RunningStack, council: Council, programme: Programme, visitor: Visitor
) -> None:
    """One assessment moves each figure of the board by exactly one, and every step is there for whom it concerns."""
    before = await figures(stack, programme)
    assessment = authorised_now(council, "4100001")
    await stack.publish(assessment, event_ids=["the-loop"])

    audit = await audit_waiting(visitor)
    audit_id = audit.rpartition("/")[2]
    await complete_with_a_red_finding(visitor, audit)

    assert assessment.worker is not None
    await sign_in(visitor, assessment.worker)
    action = await one_action(visitor, audit_id)
    assert action["owner_id"] == assessment.worker
    assert action["due_on"] == fifth_working_day_after(local_date(datetime.now(UTC))).isoformat()
    address = f"/remedial/actions/{action['action_id']}"

    async def said_in_words() -> None:
        assert FINDING.action in (await visitor.open(address)).text

    await eventually(said_in_words, timeout=10)
    page = await visitor.open(f"{address}/report")
    said = {"done": FINDING.done, "difference": FINDING.difference}
    assert (await visitor.press(page, "Report it done", said)).url.endswith("/remedial/mine")

    await sign_in(visitor, AUDITOR)
    page = await visitor.open(address)
    assert FINDING.done in page.text
    assert (await visitor.press(page, "Verify", {"grade": "amber"})).status == httpx.codes.OK

    async def moved() -> None:
        assert moves(before, await figures(stack, programme)) == {
            "cases_sampled": 1,
            "audits_completed": 1,
            "audits_red": 1,
            "actions_raised": 1,
            "actions_verified": 1,
            "loops_closed": 1,
        }

    await eventually(moved, timeout=20)
    told = [found.body for found in await stack.everything_in(Topic.ACTIONS) if found.type == "LoopClosed"]
    closed = [body for body in told if body["audit_id"] == audit_id]
    assert [(body["before"], body["after"], body["actions"]) for body in closed] == [("red", "amber", 1)]


async def test_an_action_raised_before_easter_is_due_after_it(
    stack: RunningStack, council: Council, visitor: Visitor
) -> None:
    """Raised on Thursday 2 April 2026: after Good Friday and Easter Monday the fifth working day is Monday 13 April."""
    worker = council.practitioners_of(TEAM)[1].person_id
    audit_id = uuid4()
    completed = AuditCompleted(
        occurred_at=datetime(2026, 4, 2, 9, 30, tzinfo=UTC),
        audit_id=audit_id,
        assessment_id=uuid4(),
        child_id=uuid4(),
        programme_id=uuid4(),
        theme_id="neglect",
        kind="assessment",
        auditor_id=AUDITOR,
        team_id=TEAM,
        worker_id=worker,
        authorised_on=date(2026, 3, 30),
        sampled_on=date(2026, 3, 31),
        grade="amber",
        rag="amber",
        findings=(
            Finding(
                finding_id=uuid4(), domain="Planning and review", level="team", severity="medium", needs_action=True
            ),
        ),
    )
    await stack.send(Topic.AUDITS, [(completed.key.encode(), completed.body, _headers(completed))])
    await sign_in(visitor, worker)
    action = await one_action(visitor, str(audit_id))
    assert action["due_on"] == "2026-04-13" == fifth_working_day_after(date(2026, 4, 2)).isoformat()


def _headers(completed: AuditCompleted) -> Headers:
    return encode_headers(
        event_id=uuid4(),
        source="caseloop/audit",
        kind=completed.type(),
        occurred_at=completed.occurred_at,
        key=completed.key,
        version=completed.version,
        trace=None,
    )


async def test_what_is_published_twice_has_one_effect(
    stack: RunningStack, council: Council, programme: Programme, visitor: Visitor
) -> None:
    """The same event again, and the same record under another event id: one assessment, one audit."""
    before = await figures(stack, programme)
    assessment = authorised_now(council, "4100002")
    await stack.publish(assessment, assessment, assessment, event_ids=["once", "once", "once-more"])
    marker = authorised_now(council, "4100003")
    await stack.publish(marker, event_ids=["marker"])

    async def drawn() -> None:
        assert moves(before, await figures(stack, programme)) == {"cases_sampled": 2, "audits_waiting": 2}

    await eventually(drawn, timeout=20)
    recorded = [
        found.body for found in await stack.everything_in(Topic.ASSESSMENTS) if found.type == "AssessmentRecorded"
    ]
    states = Counter((body["assessment_id"], body.get("version", 1)) for body in recorded)
    assert max(states.values()) == 1
