"""Who is away and when: what remedial says of those who own actions, and what a programme says of its auditors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.domain.programme import Programme
from services.audit.models import StaffLeave
from shared.events import LeaveRecorded, LeaveRemoved


class Absence(NamedTuple):
    """Away from the first day to the last, both included."""

    since: date
    until: date


async def follow(session: AsyncSession, events: Sequence[LeaveRecorded | LeaveRemoved]) -> None:
    """Fold leave as it is recorded and called off, in the order of the events."""
    newest = {event.leave_id: event for event in events}
    gone = [event.leave_id for event in newest.values() if isinstance(event, LeaveRemoved)]
    known = [
        {
            "leave_id": event.leave_id,
            "person_id": event.person_id,
            "first_on": event.first_on,
            "last_on": event.last_on,
        }
        for event in newest.values()
        if isinstance(event, LeaveRecorded)
    ]
    if gone:
        await session.execute(sa.delete(StaffLeave).where(col(StaffLeave.leave_id).in_(gone)))
    if known:
        await session.execute(insert(StaffLeave).values(known).on_conflict_do_nothing())


async def forget(session: AsyncSession, today: date) -> None:
    """Leave that is over is nobody's business any more."""
    await session.execute(sa.delete(StaffLeave).where(col(StaffLeave.last_on) < today))


async def falling_into(
    session: AsyncSession, plan: Programme, person_ids: Sequence[str], first: date, last: date
) -> Mapping[str, Absence]:
    """The first leave of each of these people that falls into the days from the first to the last.

    Stretches that touch are one: what counts is when somebody is back.
    """
    rows = await session.execute(
        sa.select(col(StaffLeave.person_id), col(StaffLeave.first_on), col(StaffLeave.last_on)).where(
            col(StaffLeave.person_id).in_(person_ids),
            col(StaffLeave.first_on) <= last,
            col(StaffLeave.last_on) >= first,
        )
    )
    known = [(person_id, Absence(since, until)) for person_id, since, until in rows]
    known += [
        (auditor.person, Absence(each.since, each.until))
        for auditor in plan.auditors
        for each in auditor.leave
        if auditor.person in person_ids and each.since <= last and each.until >= first
    ]
    found: dict[str, Absence] = {}
    for person_id, absence in sorted(known, key=lambda one: one[1]):
        held = found.setdefault(person_id, absence)
        if absence.since <= held.until + timedelta(days=1):
            found[person_id] = held._replace(until=max(held.until, absence.until))
    return found
