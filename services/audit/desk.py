"""Who gets a case: how the auditors of a programme stand, and who among them is free to read it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.domain import allocation
from services.audit.domain.programme import Programme, is_away
from services.audit.driving import driver
from services.audit.models import OPEN_STATES, Audit

OwnTeams = dict[str, frozenset[str]]


@dataclass
class Desk:
    """What allocation looks at while a batch of cases is allotted: open audits, and audits of each team, by auditor."""

    own_teams: OwnTeams
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
        barred = allocation.bar(auditor, case, self.own_teams.get(auditor.person, frozenset()))
        return None if barred else auditor.person


def case_of(audit: Audit) -> allocation.Case:
    """What allocation needs to know of it."""
    behind = (audit.team_id, audit.worker_id, audit.authorised_by)
    return allocation.Case(audit.audit_id, *behind, frozenset(audit.audited_by))


_OPEN = ", ".join(f"'{state}'" for state in OPEN_STATES)
_OF_PROGRAMME = "FROM audit WHERE programme_id = $1 AND auditor_id IS NOT NULL AND"
_STANDING = (
    f"SELECT 'open' AS what, auditor_id, '' AS about, count(*) {_OF_PROGRAMME} state IN ({_OPEN}) GROUP BY auditor_id"
    f" UNION ALL SELECT 'team', auditor_id, team_id, count(*) {_OF_PROGRAMME} team_id = ANY($2::text[])"
    " GROUP BY auditor_id, team_id"
    f" UNION ALL SELECT 'family', auditor_id, family_key, 1 {_OF_PROGRAMME} family_key = ANY($3::text[])"
    f" AND state IN ({_OPEN})"
)
"""Of the past only what was about the same teams: what a draw costs must not grow with all that was ever drawn."""


async def desk(
    session: AsyncSession, plan: Programme, day: date, teams: Collection[str | None], families: Collection[str | None]
) -> Desk:
    """How the programme's auditors stand today towards cases of these teams and families."""
    connection = await driver(session)
    standing = Desk(await own_teams(session, plan, day))
    named = (list({each for each in asked if each}) for asked in (teams, families))
    for what, auditor_id, about, count in await connection.fetch(_STANDING, plan.programme_id, *named):
        if what == "open":
            standing.load[auditor_id] = count
        elif what == "team":
            standing.team_load.setdefault(about, {})[auditor_id] = count
        else:
            standing.families[about] = auditor_id
    return standing


_OWN_TEAMS = (
    "SELECT person_id, unnest(manages || ARRAY(SELECT held.team_id FROM jsonb_to_recordset(teams)"
    " AS held (team_id text, since date, until date) WHERE since <= $2 AND (until IS NULL OR $2 < until)))"
    " FROM person WHERE person_id = ANY($1::text[])"
)


async def own_teams(session: AsyncSession, plan: Programme, day: date) -> OwnTeams:
    """The teams whose work is each auditor's own: those they belong to and those they manage."""
    held: dict[str, set[str]] = defaultdict(set)
    auditors = [auditor.person for auditor in plan.auditors]
    for person_id, team_id in await (await driver(session)).fetch(_OWN_TEAMS, auditors, day):
        held[person_id].add(team_id)
    return {person_id: frozenset(teams) for person_id, teams in held.items()}
