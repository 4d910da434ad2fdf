"""Resolving an unmatched worker or team: it is somebody of the directory, or somebody to add to it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.intake.domain.directory import spelling
from services.intake.models import SpellingRow
from services.intake.people_changes import one_at_a_time
from shared.access import people
from shared.events import Event, PersonRecorded, Role, TeamRecorded


async def stands_for(session: AsyncSession, row: SpellingRow, known_id: str, by: str) -> bool:
    """It is this one of the directory; false where there is no such one. Its cases are told anew by the ticker."""
    known = await (people.person(session, known_id) if row.kind == "worker" else people.team(session, known_id))
    if known is None:
        return False
    row.stands_for, row.settled_by, row.told_at = known_id, by, None
    return True


async def add(session: AsyncSession, row: SpellingRow, by: str, now: datetime) -> list[Event]:
    """Add it to the directory under the id that its cases have: a practitioner, or a team to be described later."""
    await one_at_a_time(session)
    row.settled_by = by
    if row.kind == "worker":
        if await people.person(session, row.stand_in) is not None:
            return []
        _keep_apart(row, [person.name for person in await people.people(session, active_only=False)])
        person = PersonRecorded(
            occurred_at=now, person_id=row.stand_in, name=row.shown, roles=(Role.PRACTITIONER.value,)
        )
        await people.record_people([person], session)
        return [person]
    if await people.team(session, row.stand_in) is not None:
        return []
    _keep_apart(row, [team.name for team in await people.teams(session)])
    team = TeamRecorded(occurred_at=now, team_id=row.stand_in, name=row.shown)
    await people.record_people([team], session)
    return [team]


def _keep_apart(row: SpellingRow, names: Iterable[str]) -> None:
    """Where the directory has that name already, cases mean the one who is added: nobody else could tell."""
    if any(spelling(name) == spelling(row.shown) for name in names):
        row.stands_for, row.told_at = row.stand_in, None
