"""Who could act on a finding, and what each of them has in hand already: shown while the auditor names an owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit import leave
from services.audit.domain.programme import Programme
from services.audit.leave import Absence
from services.audit.models import Audit, ChildLink, Flag, OwnedAction
from shared.access import people
from shared.events import (
    ActionChanged,
    ActionEvent,
    ActionExtended,
    ActionRaised,
    ActionReassigned,
    ActionReopened,
    ActionReported,
    ActionReturned,
    ActionVerified,
    ActionWithdrawn,
    LoopEvent,
)
from shared.working_days import add_working_days

MOST_TO_JOIN = 10
"""So many of one person's actions are offered: whoever has more has too many."""


@dataclass(frozen=True, slots=True)
class OpenAction:
    """An action of this auditor's other audits that its owner has still to do, so that it may answer a finding more."""

    action_id: UUID
    finding_id: UUID
    domain: str
    due_on: date | None
    case_id: str | None


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody who could act: how many actions they have open, and the leave that falls into the time of a new one.

    `joinable` are those of their actions that the auditor may see and add to.
    """

    person_id: str
    name: str
    open_actions: int
    away: Absence | None = None
    joinable: tuple[OpenAction, ...] = ()


async def follow(session: AsyncSession, events: Sequence[ActionEvent | LoopEvent]) -> None:
    """Fold who has which action in hand, in the order of the events."""
    for event in sorted((event for event in events if isinstance(event, ActionEvent)), key=lambda each: each.action_id):
        values = _changed(event)
        if values:
            known = insert(OwnedAction).values(action_id=event.action_id, **{"open": True, **values})
            await session.execute(known.on_conflict_do_update(index_elements=["action_id"], set_=dict(values)))


Values = dict[str, str | bool | UUID | date | None]


def _changed(event: ActionEvent) -> Values:
    """What of an action an event changes here; nothing where it changes nothing that is kept."""
    values: Values = {}
    match event:
        case ActionRaised():
            values = {
                "audit_id": event.audit_id,
                "finding_id": event.finding_id,
                "owner_id": event.owner_id,
                "team_id": event.team_id,
                "domain": event.domain,
                "due_on": event.due_on,
                "open": True,
            }
        case ActionReassigned():
            values = {"owner_id": event.owner_id, "team_id": event.team_id}
        case ActionChanged():
            values = {"domain": event.domain}
        case ActionExtended():
            values = {"due_on": event.due_on}
        case ActionReported() | ActionReturned():
            values = {"reported": isinstance(event, ActionReported)}
        case ActionReopened():
            values = {"open": True, "reported": False, "due_on": event.due_on}
        case ActionVerified() | ActionWithdrawn():
            values = {"open": False}
    return values


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
    ids = [person.person_id for person in known]
    counts = await _open_actions(session, ids)
    due_on = add_working_days(day, plan.remedial.working_days)
    absent = await leave.falling_into(session, plan, ids, day, due_on)
    joinable = await _joinable(session, audit)
    found = [
        Owner(
            person.person_id,
            person.name,
            counts.get(person.person_id, 0),
            absent.get(person.person_id),
            tuple(joinable.get(person.person_id, ())),
        )
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


async def _joinable(session: AsyncSession, audit: Audit) -> Mapping[str, list[OpenAction]]:
    """By owner, the first due first: of the same auditor's audits, since nobody sees the actions of another's."""
    rows = await session.execute(
        sa.select(OwnedAction, col(ChildLink.case_id))
        .join(Audit, col(Audit.audit_id) == col(OwnedAction.audit_id))
        .outerjoin(ChildLink, col(ChildLink.child_id) == col(Audit.child_id))
        .where(
            col(OwnedAction.open),
            col(OwnedAction.reported).is_(False),
            col(OwnedAction.finding_id).is_not(None),
            col(OwnedAction.team_id).is_not_distinct_from(audit.team_id),
            col(Audit.auditor_id) == audit.auditor_id,
            col(Audit.audit_id) != audit.audit_id,
            # Nothing can be written any more about the action of a case that is withdrawn
            col(Audit.flag).is_distinct_from(Flag.WITHDRAWN),
        )
        .order_by(col(OwnedAction.due_on), col(OwnedAction.action_id))
    )
    found: dict[str, list[OpenAction]] = {}
    for action, case_id in rows:
        if action.owner_id and action.finding_id and len(found.get(action.owner_id, ())) < MOST_TO_JOIN:
            known = OpenAction(action.action_id, action.finding_id, action.domain or "", action.due_on, case_id)
            found.setdefault(action.owner_id, []).append(known)
    return found


async def acted_with(session: AsyncSession, finding_ids: Sequence[UUID]) -> Mapping[str, UUID]:
    """The action of each of these findings that has one, by the finding's id: to lead there from a page."""
    rows = await session.execute(
        sa.select(col(OwnedAction.finding_id), col(OwnedAction.action_id)).where(
            col(OwnedAction.finding_id).in_(finding_ids)
        )
    )
    return {str(finding_id): action_id for finding_id, action_id in rows}
