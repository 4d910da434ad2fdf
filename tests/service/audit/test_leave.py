"""Leave that remedial tells of, in view while an auditor names who should act."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.audit import handlers, leave
from services.audit.leave import Absence
from services.audit.models import StaffLeave
from shared.db import sessions
from shared.events import DayOpened, LeaveRecorded, LeaveRemoved
from tests.service.audit.playing import MORNING, know
from tests.service.audit.test_auditing import auditor
from tests.service.audit.test_owners import PEOPLE
from tests.service.audit.test_replies import begun, with_finding
from tests.support.delivery import deliver, open_day
from tests.unit.audit.council import OPENS_ON, identity, programme


def away(name: str, first: int, last: int, person_id: str = "worker-1") -> LeaveRecorded:
    """Leave from so many days after the programme's first to so many."""
    return LeaveRecorded(
        occurred_at=MORNING,
        leave_id=identity(name),
        person_id=person_id,
        first_on=OPENS_ON + timedelta(days=first),
        last_on=OPENS_ON + timedelta(days=last),
    )


async def known(engine: AsyncEngine) -> int:
    async with sessions(engine)() as session:
        return (await session.execute(sa.select(sa.func.count()).select_from(StaffLeave))).scalar_one()


async def absent(engine: AsyncEngine) -> dict[str, Absence]:
    """Who is away in the programme's first week."""
    async with sessions(engine)() as session:
        return dict(
            await leave.falling_into(session, programme(), ["worker-1"], OPENS_ON, OPENS_ON + timedelta(days=6))
        )


async def test_the_form_shows_leave_that_falls_into_the_time_of_a_new_action(app: FastAPI, engine: AsyncEngine) -> None:
    plan, audit = await begun(app, engine)
    await know(engine, *PEOPLE)
    later = away("later", 30, 40, "manager-1")
    await deliver(engine, handlers.router, away("now", -1, 3), away("soon", 5, 9, "worker-2"), later)
    async with await auditor(app, str(audit.auditor_id)) as browser:
        address = f"/audit/audits/{audit.audit_id}"
        await with_finding(browser, address, plan)
        page = (await browser.get(address)).text
    assert "Worker 1, no open action, away until 26 Nov 2026" in page
    assert "Worker 2, no open action, away from 28 Nov 2026 to 2 Dec 2026" in page
    assert "Manager 1, no open action<" in page


async def test_leave_that_touches_is_one_and_what_was_called_off_is_gone(engine: AsyncEngine) -> None:
    stretches = away("one", 0, 3), away("two", 4, 20), away("three", 22, 25)
    await deliver(engine, handlers.router, *stretches)
    removed = LeaveRemoved(occurred_at=MORNING, version=2, leave_id=identity("two"), person_id="worker-1")
    assert await absent(engine) == {"worker-1": Absence(OPENS_ON, OPENS_ON + timedelta(days=20))}
    await deliver(engine, handlers.router, removed)
    assert await absent(engine) == {"worker-1": Absence(OPENS_ON, OPENS_ON + timedelta(days=3))}


async def test_leave_that_is_over_is_forgotten(engine: AsyncEngine) -> None:
    await deliver(engine, handlers.router, away("one", 0, 3), away("two", 4, 5))
    await open_day(engine, handlers.router, DayOpened(occurred_at=MORNING, day=OPENS_ON + timedelta(days=4)))
    assert await known(engine) == 1
