"""Leave: recorded by who may, shown before an action is given, and a deadline inside it flagged but never moved."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import col

from services.remedial.models import Action, Leave
from shared.events import AuditCompleted, LeaveRecorded, LeaveRemoved
from tests.service.remedial.test_pages import SignIn, app, app_clock, audit, page_of, shows, sign_in
from tests.service.remedial.test_watching import DUE, noted, open_day
from tests.support.delivery import said

__all__ = ["app", "app_clock", "audit", "sign_in"]

LEAVE = {"person": "worker-1", "first_on": "2026-11-26", "last_on": "2026-12-04"}


async def record(sign_in: SignIn, who: str = "manager-1", **changed: str) -> int:
    return (await sign_in(who).post("/remedial/leave", data=LEAVE | changed)).status_code


async def test_a_manager_records_leave_of_their_team_and_business_support_anybodys(
    audit: AuditCompleted, sign_in: SignIn
) -> None:
    assert "Nobody is on leave" in await shows(sign_in("manager-1"), "/remedial/leave")
    assert await record(sign_in) == 303
    assert await record(sign_in, "support-1", person="worker-3") == 303
    mine = await shows(sign_in("manager-1"), "/remedial/leave")
    assert "Friday 4 December 2026" in mine
    assert "Worker 3" not in mine
    assert "Worker 3" in await shows(sign_in("support-1"), "/remedial/leave")


async def test_leave_of_another_team_ones_own_or_backwards_is_refused(audit: AuditCompleted, sign_in: SignIn) -> None:
    for changed in ({"person": "worker-3"}, {"person": "manager-1"}, {"last_on": "2026-11-25"}):
        assert await record(sign_in, **changed) == 422
    assert "Select who is away" in (await sign_in("manager-1").post("/remedial/leave", data={})).text
    assert (await sign_in("worker-1").get("/remedial/leave")).status_code == 404


async def test_leave_stands_beside_the_name_where_an_action_is_given(audit: AuditCompleted, sign_in: SignIn) -> None:
    assert await record(sign_in, person="worker-2", first_on="2026-11-23") == 303
    for page in (page_of(audit) + "/reassign", "/remedial/several"):
        html = await shows(sign_in("manager-1"), page)
        assert "Worker 2, 1 action to do, on leave until 4 Dec 2026" in html


async def test_an_action_due_in_leave_is_told_to_the_manager_once_and_its_deadline_stands(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    assert await record(sign_in) == 303
    await open_day(engine, date(2026, 11, 25))
    flagged = [who for kind, who in await noted(engine) if kind == "due_in_leave"]
    assert flagged == ["manager-1", "manager-1"]
    async with AsyncSession(engine) as session:
        assert set((await session.execute(sa.select(col(Action.due_on)))).scalars()) == {DUE}


async def test_an_escalation_says_that_the_owner_is_on_leave(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    assert await record(sign_in) == 303
    assert len(await open_day(engine, date(2026, 12, 1))) == 3
    kinds = sorted(kind for kind, _ in await noted(engine) if kind.startswith("escalated"))
    assert kinds == ["escalated", "escalated_in_leave", "escalated_in_leave"]


async def test_leave_is_removed_by_who_may_record_it_and_does_not_exist_for_others(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    assert await record(sign_in) == 303
    async with AsyncSession(engine) as session:
        leave_id = (await session.execute(sa.select(col(Leave.leave_id)))).scalar_one()
    path = f"/remedial/leave/{leave_id}/remove"
    assert (await sign_in("manager-2").post(path)).status_code == 404
    assert (await sign_in("manager-1").post(path)).status_code == 303
    assert (await sign_in("manager-1").post(path)).status_code == 404


async def test_leave_is_told_to_whoever_asks_who_could_act_and_so_is_that_it_was_called_off(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    assert await record(sign_in) == 303
    (recorded,) = [event for event in await said(engine) if isinstance(event, LeaveRecorded)]
    assert (recorded.person_id, recorded.version) == ("worker-1", 1)
    await sign_in("manager-1").post(f"/remedial/leave/{recorded.leave_id}/remove")
    (removed,) = [event for event in await said(engine) if isinstance(event, LeaveRemoved)]
    assert (removed.leave_id, removed.person_id, removed.version) == (recorded.leave_id, "worker-1", 2)
