"""Several actions at once: each by its own rules, each with its own trail."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import col

from services.remedial.domain.amendment import action_id_of
from services.remedial.models import Action, Step
from shared.events import ActionChased, ActionExtended, AuditCompleted, TextWritten
from tests.service.remedial.delivering import said
from tests.service.remedial.test_pages import SignIn, app, app_clock, audit, shows, sign_in

__all__ = ["app", "app_clock", "audit", "sign_in"]


def ids(audit: AuditCompleted) -> list[str]:
    return [str(action_id_of(each.finding_id)) for each in audit.findings]


async def test_chasing_two_at_once_leaves_the_trail_of_two(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    support = sign_in("support-1")
    assert "Change several actions" in await shows(support, "/remedial/several")
    await said(engine)
    answer = await support.post("/remedial/several", data={"actions": ids(audit), "what": "chase"})
    assert answer.status_code == 303
    assert [type(event) for event in await said(engine)] == [ActionChased, ActionChased]
    async with AsyncSession(engine) as session:
        chased = sa.select(sa.func.count()).select_from(Step).where(col(Step.move) == "chase")
        assert (await session.execute(chased)).scalar_one() == 2
    assert "2 done." in await shows(support, "/remedial/several")


async def test_what_a_rule_bars_is_left_alone_and_said(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    manager = sign_in("manager-1")
    wanted = {"actions": ids(audit), "what": "extend", "due_on": "2026-12-04", "reason": "Training week."}
    await said(engine)
    assert (await manager.post("/remedial/several", data=wanted)).status_code == 303
    assert [type(event) for event in await said(engine)] == [TextWritten, ActionExtended]
    html = await shows(manager, "/remedial/several")
    assert "1 done. 1 not: This action concerns your own oversight" in html
    async with AsyncSession(engine) as session:
        dues = (
            await session.execute(sa.select(col(Action.due_on)).where(col(Action.audit_id) == audit.audit_id))
        ).all()
    assert sorted(due for (due,) in dues) == [date(2026, 11, 30), date(2026, 12, 4)]


async def test_nothing_chosen_or_nothing_said_is_refused(audit: AuditCompleted, sign_in: SignIn) -> None:
    support = sign_in("support-1")
    assert "Select actions" in (await support.post("/remedial/several", data={"what": "chase"})).text
    without = await support.post("/remedial/several", data={"actions": ids(audit), "what": "extend"})
    assert (without.status_code, "Enter the new due date" in without.text) == (422, True)


async def test_somebody_elses_actions_are_not_there_to_change(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    await said(engine)
    await sign_in("manager-2").post("/remedial/several", data={"actions": ids(audit), "what": "chase"})
    assert await said(engine) == []
