"""Buttons pressed twice: whatever a form makes is made once, and whoever pressed is led on, not told off."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.remedial import moves, support
from services.remedial.domain.amendment import action_id_of
from services.remedial.domain.support import Kind
from services.remedial.moves import By
from services.remedial.support import Plan
from shared.db import sessions
from shared.events import AuditCompleted
from tests.service.remedial.council import AUDITOR, MONDAY, WORKER, escalated
from tests.service.remedial.delivering import said
from tests.service.remedial.test_pages import REPORT, SignIn, app, app_clock, audit, sign_in
from tests.service.remedial.test_sessions import PLAN
from tests.support.pressing import BOTH_WAYS, counted, press_twice

__all__ = ["app", "app_clock", "audit", "sign_in"]


@dataclass(frozen=True)
class Press:
    """Whose button, on which page, what they filled in, and what may be there once."""

    route: str
    who: str
    page: str
    fields: dict[str, Any]
    count: str
    """What is counted in the database: afterwards there is one more."""
    first: str = ""
    """What has happened before: the name of a step below."""

    @property
    def address(self) -> str:
        return self.route.removeprefix("POST ")


STEPS = "SELECT count(*) FROM step WHERE move = '{}'"
ACTION = "/remedial/actions/{action_id}"
SESSION = "/remedial/sessions/{session_id}"
HELD = "SELECT count(*) FROM support_session WHERE state = 'held'"
CANCELLED = "SELECT count(*) FROM support_session WHERE state = 'cancelled'"
WHY = {"reason": "Because."}

PRESSES = (
    Press(
        "POST /remedial/sessions",
        "auditor-1",
        "/remedial/sessions/new?team=team-1",
        PLAN,
        "SELECT count(*) FROM support_session",
    ),
    Press(
        "POST /remedial/leave",
        "manager-1",
        "/remedial/leave",
        {"person": "worker-1", "first_on": "2026-12-01", "last_on": "2026-12-04"},
        "SELECT count(*) FROM leave",
    ),
    Press(
        "POST /remedial/holidays",
        "qa-1",
        "/remedial/holidays",
        {"day": "2026-12-03", "name": "A coronation"},
        "SELECT count(*) FROM holiday",
    ),
    Press(
        "POST /remedial/several",
        "support-1",
        "/remedial/several",
        {"what": "chase", "actions": []},
        STEPS.format("chase"),
    ),
    Press(f"POST {ACTION}/chase", "support-1", f"{ACTION}/chase", WHY, STEPS.format("chase")),
    Press(f"POST {ACTION}/report", "worker-1", f"{ACTION}/report", REPORT, STEPS.format("report")),
    Press(f"POST {ACTION}/start", "worker-1", ACTION, {}, STEPS.format("start")),
    Press(
        f"POST {ACTION}/extend",
        "support-1",
        f"{ACTION}/extend",
        {**WHY, "due_on": "2026-12-07"},
        STEPS.format("extend"),
    ),
    Press(
        f"POST {ACTION}/reassign",
        "manager-1",
        f"{ACTION}/reassign",
        {**WHY, "owner": "worker-2"},
        STEPS.format("reassign"),
    ),
    Press(f"POST {ACTION}/withdraw", "qa-1", f"{ACTION}/withdraw", WHY, STEPS.format("withdraw")),
    Press(f"POST {ACTION}/verify", "auditor-1", ACTION, {}, STEPS.format("verify"), first="reported"),
    Press(f"POST {ACTION}/return", "auditor-1", f"{ACTION}/return", WHY, STEPS.format("return"), first="reported"),
    Press(f"POST {ACTION}/check", "qa-1", ACTION, {"upheld": "yes"}, STEPS.format("check"), first="drawn"),
    Press(f"POST {ACTION}/acknowledge", "manager-1", ACTION, {}, STEPS.format("acknowledge"), first="escalated"),
    Press(f"POST {ACTION}/reopen", "qa-1", f"{ACTION}/reopen", WHY, STEPS.format("reopen"), first="verified"),
    Press(f"POST {SESSION}/held", "auditor-1", SESSION, {"attendees": ["manager-1"]}, HELD, first="planned"),
    Press(f"POST {SESSION}/cancel", "auditor-1", SESSION, {}, CANCELLED, first="planned"),
)


async def bring_about(engine: AsyncEngine, audit: AuditCompleted, before: str) -> dict[str, str]:
    """Let it have come so far already; the ids that addresses need."""
    action_id = action_id_of(audit.findings[0].finding_id)
    session_id = uuid4()
    made = {"action_id": str(action_id), "session_id": str(session_id)}
    async with sessions(engine)() as session, session.begin():
        if before in {"reported", "drawn", "verified"}:
            await moves.report(session, By(WORKER, MONDAY), action_id, moves.Report("Done.", "She is safe."))
        if before in {"drawn", "verified"}:
            await moves.verify(session, By(AUDITOR, MONDAY, 0.0 if before == "drawn" else 1.0), action_id)
        if before == "escalated":
            await escalated(session, date(2026, 12, 2), MONDAY)
        if before == "planned":
            plan = Plan(Kind.REFLECTIVE, "team-1", ("manager-1",), MONDAY + timedelta(minutes=5), 60)
            await support.plan(session, By(AUDITOR, MONDAY), session_id, plan)
    return made


@BOTH_WAYS
@pytest.mark.parametrize("press", PRESSES, ids=lambda press: press.route)
async def test_a_form_sent_twice_does_it_once(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn, press: Press, together: bool
) -> None:
    made = await bring_about(engine, audit, press.first)
    before = await counted(engine, press.count)
    await said(engine)
    fields = {name: [made["action_id"]] if name == "actions" else value for name, value in press.fields.items()}
    page, address = (each.format(**made) for each in (press.page, press.address))
    answers = await press_twice(sign_in(press.who), page, address, fields, together=together)
    assert [each.status_code for each in answers] == [303, 303]
    assert len({each.headers["location"] for each in answers}) == 1
    assert await counted(engine, press.count) == before + 1
    told = [(type(event), getattr(event, "version", 0)) for event in await said(engine)]
    assert len(set(told)) == len(told), "an event was said twice"
