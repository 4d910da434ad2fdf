"""Who gets a case: how the auditors of a programme stand, and who among them is free to read it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.domain import allocation
from services.audit.domain.programme import Programme, is_away
from services.audit.driving import driver
from services.audit.models import OPEN_STATES, Audit

OwnTeams = dict[str, set[str]]


@dataclass
class Desk:
    """What allocation looks at while a batch of cases is allotted: open audits, and audits of each team, by auditor."""

    own_teams: OwnTeams = field(default_factory=dict)
    load: dict[str, int] = field(default_factory=dict)
    team_load: dict[str, dict[str, int]] = field(default_factory=dict)
    families: dict[str, str] = field(default_factory=dict)

    def choose(self, plan: Programme, case: allocation.Case, family_key: str | None, day: date) -> str | None:
        """The auditor of this case, who from now on has one more."""
        seen = self.team_load.setdefault(case.team_id, {}) if case.team_id else {}
        auditor_id: str | None = self._of_family(plan, case, family_key, day) or allocation.choose(
            plan.auditors, case, self.load, day, own_teams=self.own_teams, team_load=seen
        )
        if auditor_id is not None:
            self.load[auditor_id] = self.load.get(auditor_id, 0) + 1
            seen[auditor_id] = seen.get(auditor_id, 0) + 1
            if family_key:
                self.families.setdefault(family_key, auditor_id)
        return auditor_id

    def _of_family(self, plan: Programme, case: allocation.Case, family_key: str | None, day: date) -> str | None:
        """One family, one reading: whoever has the siblings, if nothing stands against it."""
        held = self.families.get(family_key or "")
        auditor = plan.auditor(held) if held else None
        if auditor is None or is_away(auditor, day):
            return None
        barred = allocation.bar(auditor, case, self.own_teams.get(auditor.person, ()))
        return None if barred else auditor.person


def case_of(audit: Audit) -> allocation.Case:
    """What allocation needs to know of it."""
    behind = (audit.team_id, audit.worker_id, audit.authorised_by)
    return allocation.Case(audit.audit_id, *behind, frozenset(audit.audited_by))


_IS_OPEN = f"state IN ({', '.join(repr(str(state)) for state in OPEN_STATES)})"
_HELD = "FROM audit WHERE programme_id = $3 AND auditor_id IS NOT NULL AND"
_OWN_TEAMS = (
    "SELECT person_id, unnest(manages || ARRAY(SELECT held.team_id FROM jsonb_to_recordset(teams)"
    " AS held (team_id text, since date, until date) WHERE since <= $2 AND (until IS NULL OR $2 < until))) AS team_id"
    " FROM person WHERE person_id = ANY($1::text[])"
)
_STANDING = (
    f"SELECT 'own' AS what, person_id AS auditor_id, team_id AS about, 1 AS count FROM ({_OWN_TEAMS}) AS own"  # noqa: S608 - its parts are our own
    f" UNION ALL SELECT 'load', auditor_id, NULL, count(*) {_HELD} {_IS_OPEN} GROUP BY auditor_id"
    f" UNION ALL SELECT 'team', auditor_id, team_id, count(*) {_HELD} team_id = ANY($4::text[]) GROUP BY 2, 3"
    f" UNION ALL SELECT 'family', auditor_id, family_key, 1 {_HELD} family_key = ANY($5::text[]) AND {_IS_OPEN}"
)
"""Of the past only what was about the same teams: what a draw costs must not grow with all that was ever drawn."""


async def desk(
    session: AsyncSession, plan: Programme, day: date, teams: Collection[str | None], families: Collection[str | None]
) -> Desk:
    """How the programme's auditors stand today towards cases of these teams and families."""
    standing = Desk()
    named = [[each for each in dict.fromkeys(asked) if each] for asked in (teams, families)]
    asked = (_auditors(plan), day, plan.programme_id, *named)
    for what, auditor_id, about, count in await (await driver(session)).fetch(_STANDING, *asked):
        match what:
            case "own":
                standing.own_teams.setdefault(auditor_id, set()).add(about)
            case "load":
                standing.load[auditor_id] = count
            case "team":
                standing.team_load.setdefault(about, {})[auditor_id] = count
            case _:
                standing.families[about] = auditor_id
    return standing


async def own_teams(session: AsyncSession, plan: Programme, day: date) -> OwnTeams:
    """The teams whose work is each auditor's own: those they belong to and those they manage."""
    held: OwnTeams = {}
    for person_id, team_id in await (await driver(session)).fetch(_OWN_TEAMS, _auditors(plan), day):
        held.setdefault(person_id, set()).add(team_id)
    return held


def _auditors(plan: Programme) -> list[str]:
    return [auditor.person for auditor in plan.auditors]
