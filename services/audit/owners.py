"""Who could act on a finding, and what each of them has in hand already: shown while the auditor names an owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.domain.programme import Programme
from services.audit.models import Audit, OwnedAction
from shared.access import people
from shared.events import (
    ActionEvent,
    ActionRaised,
    ActionReassigned,
    ActionReopened,
    ActionVerified,
    ActionWithdrawn,
    LoopEvent,
)


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody who could act: how many actions they have open, and until when they are on leave, where it is known."""

    person_id: str
    name: str
    open_actions: int
    away_until: date | None = None


async def follow(session: AsyncSession, events: Sequence[ActionEvent | LoopEvent]) -> None:
    """Fold who has which action in hand, in the order of the events."""
    for event in sorted((event for event in events if isinstance(event, ActionEvent)), key=lambda each: each.action_id):
        values = _changed(event)
        if values:
            known = insert(OwnedAction).values(action_id=event.action_id, **{"open": True, **values})
            await session.execute(known.on_conflict_do_update(index_elements=["action_id"], set_=dict(values)))


def _changed(event: ActionEvent) -> Mapping[str, str | bool | None]:
    match event:
        case ActionRaised():
            return {"owner_id": event.owner_id, "open": True}
        case ActionReassigned():
            return {"owner_id": event.owner_id}
        case ActionReopened():
            return {"open": True}
        case ActionVerified() | ActionWithdrawn():
            return {"open": False}
        case _:
            return {}


async def owners(session: AsyncSession, plan: Programme, audit: Audit, day: date) -> list[Owner]:
    """Whoever did the work first, then their team and its managers by name; never the case's auditor."""
    known = [
        person
        for person in await people.people(session)
        if person.person_id != audit.auditor_id
        and (
            person.person_id in (audit.worker_id, audit.authorised_by)
            or (audit.team_id is not None and audit.team_id in person.teams_on(day) | person.manages)
        )
    ]
    counts = await _open_actions(session, [person.person_id for person in known])
    found = [
        Owner(person.person_id, person.name, counts.get(person.person_id, 0), _away_until(plan, person.person_id, day))
        for person in known
    ]
    return sorted(found, key=lambda owner: owner.person_id != audit.worker_id)


async def _open_actions(session: AsyncSession, person_ids: Sequence[str]) -> dict[str, int]:
    rows = await session.execute(
        sa.select(col(OwnedAction.owner_id), sa.func.count())
        .where(col(OwnedAction.owner_id).in_(person_ids), col(OwnedAction.open))
        .group_by(col(OwnedAction.owner_id))
    )
    return {str(owner): count for owner, count in rows}


def _away_until(plan: Programme, person_id: str, day: date) -> date | None:
    """The last day of the leave that the programme knows of."""
    auditor = plan.auditor(person_id)
    leave = auditor.leave if auditor is not None else ()
    return max((each.until for each in leave if each.since <= day <= each.until), default=None)
