"""Who gets a case: how the auditors of a programme stand, and who among them is free to read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.domain import allocation
from services.audit.domain.programme import Programme, is_away
from services.audit.models import OPEN_STATES, Audit
from shared.access import people


@dataclass
class Desk:
    """What allocation looks at while a batch of cases is allotted: open audits, and audits of each team, by auditor."""

    load: dict[str, int]
    team_load: dict[tuple[str, str | None], int]
    own_teams: dict[str, frozenset[str]]
    families: dict[str, str]

    def choose(self, plan: Programme, audit: Audit, day: date) -> str | None:
        """The auditor of this case, who from now on has one more."""
        auditor_id: str | None = self._of_family(plan, audit, day) or allocation.choose(
            plan.auditors,
            case_of(audit),
            self.load,
            day,
            own_teams=self.own_teams,
            team_load={person: count for (person, team), count in self.team_load.items() if team == audit.team_id},
        )
        if auditor_id is not None:
            self.load[auditor_id] = self.load.get(auditor_id, 0) + 1
            key = (auditor_id, audit.team_id)
            self.team_load[key] = self.team_load.get(key, 0) + 1
            if audit.family_key:
                self.families.setdefault(audit.family_key, auditor_id)
        return auditor_id

    def _of_family(self, plan: Programme, audit: Audit, day: date) -> str | None:
        """One family, one reading: whoever has the siblings, if nothing stands against it."""
        held = self.families.get(audit.family_key or "")
        auditor = plan.auditor(held) if held else None
        if auditor is None or is_away(auditor, day):
            return None
        barred = allocation.bar(auditor, case_of(audit), self.own_teams.get(auditor.person, frozenset()))
        return None if barred else auditor.person


def case_of(audit: Audit) -> allocation.Case:
    """What allocation needs to know of it."""
    behind = (audit.team_id, audit.worker_id, audit.authorised_by)
    return allocation.Case(audit.audit_id, *behind, frozenset(audit.audited_by))


async def desk(session: AsyncSession, plan: Programme, day: date) -> Desk:
    """How the programme's auditors stand today."""
    held = await session.execute(
        sa.select(col(Audit.auditor_id), col(Audit.team_id), col(Audit.state), sa.func.count())
        .where(col(Audit.programme_id) == plan.programme_id, col(Audit.auditor_id).is_not(None))
        .group_by(col(Audit.auditor_id), col(Audit.team_id), col(Audit.state))
    )
    standing = Desk({}, {}, await own_teams(session, plan, day), await _families(session, plan))
    for auditor_id, team_id, state, count in held:
        if auditor_id is None:
            continue
        if state in OPEN_STATES:
            standing.load[auditor_id] = standing.load.get(auditor_id, 0) + count
        key = (auditor_id, team_id)
        standing.team_load[key] = standing.team_load.get(key, 0) + count
    return standing


async def own_teams(session: AsyncSession, plan: Programme, day: date) -> dict[str, frozenset[str]]:
    """The teams whose work is each auditor's own: those they belong to and those they manage."""
    known = await people.persons(session, [auditor.person for auditor in plan.auditors])
    return {person.person_id: person.teams_on(day) | person.manages for person in known}


async def _families(session: AsyncSession, plan: Programme) -> dict[str, str]:
    rows = await session.execute(
        sa.select(col(Audit.family_key), col(Audit.auditor_id)).where(
            col(Audit.programme_id) == plan.programme_id,
            col(Audit.state).in_(OPEN_STATES),
            col(Audit.family_key).is_not(None),
            col(Audit.auditor_id).is_not(None),
        )
    )
    return {str(family): str(auditor) for family, auditor in rows}
