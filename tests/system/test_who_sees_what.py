"""A few looks across the services at what the access matrix forbids; every route is walked elsewhere."""

from __future__ import annotations

import httpx
import pytest

from deploy.demo.council import Council
from deploy.demo.visitor import Visitor
from shared.events import Role
from tests.system.conftest import AUDITOR, Programme, sign_in
from tests.system.stack import RunningStack
from tests.system.test_the_loop import (
    audit_waiting,
    authorised_now,
    complete_with_a_red_finding,
    one_action,
)

pytestmark = pytest.mark.timeout(120)


async def test_an_audit_and_its_action_exist_only_for_whom_they_concern(
    stack: RunningStack, council: Council, programme: Programme, visitor: Visitor
) -> None:
    """The owner, their manager and the auditor see it; another team, another auditor and the board find nothing."""
    assessment = authorised_now(council, "4300001")
    await sign_in(visitor, AUDITOR)
    known = frozenset(await inbox(visitor))
    await stack.publish(assessment, event_ids=["who-sees-what"])
    audit = await audit_waiting(visitor, known)
    await complete_with_a_red_finding(visitor, audit)
    assert assessment.worker is not None
    await sign_in(visitor, assessment.worker)
    action = f"/remedial/actions/{(await one_action(visitor, audit.rpartition('/')[2]))['action_id']}"

    may = {
        AUDITOR: (audit, action),
        assessment.worker: (audit, action),
        council.manager_of("assessment-moor").person_id: (audit, action),
        "head-1": (audit, action),
        "qa-manager": (audit, action),
        "support-1": (action,),
    }
    may_not = {
        council.practitioners_of("assessment-moor")[3].person_id: (audit, action),
        council.manager_of("assessment-valley").person_id: (audit, action),
        "head-2": (audit, action),
        "auditor-2": (audit, action),
        "support-1": (audit,),
        "administrator": (audit, action),
        council.with_role(Role.BOARD)[0].person_id: (audit, action),
    }
    for people, expected in ((may, httpx.codes.OK), (may_not, httpx.codes.NOT_FOUND)):
        for person, addresses in people.items():
            await sign_in(visitor, person)
            for address in addresses:
                assert (await visitor.open(address)).status == expected, (person, address)


async def test_nobody_sees_anything_without_signing_in(stack: RunningStack) -> None:
    async with httpx.AsyncClient(base_url=stack.url) as stranger:
        for address in ("/", "/audit/inbox", "/remedial/mine", "/reporting/board", "/intake/people", "/search?q=1"):
            response = await stranger.get(address)
            assert response.status_code == httpx.codes.SEE_OTHER, address
            assert response.headers["location"].startswith("/sign-in"), address


async def inbox(visitor: Visitor) -> list[str]:
    """What waits in the inbox of who is signed in."""
    from deploy.demo.colleagues import AUDIT, paths

    return paths(await visitor.open("/audit/inbox"), AUDIT)
