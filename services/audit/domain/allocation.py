"""Who audits what: by hours and load, never somebody with a conflict, never own work."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from services.audit.domain.programme import Auditor, is_away


@dataclass(frozen=True, slots=True)
class Case:
    """What allocation needs to know of a case: the people and the team behind the work."""

    audit_id: UUID
    team_id: str | None
    worker_id: str | None
    authorised_by: str | None
    audited_by: frozenset[str] = frozenset()
    """Who audited it before: a re-audit is read by other eyes."""


def bar(auditor: Auditor, case: Case, own_teams: Collection[str] = ()) -> str | None:
    """Why this auditor must not audit this case, in words for people; None when nothing stands against it."""
    behind = {case.worker_id, case.authorised_by}
    if auditor.person in behind:
        return "it is their own work"
    if auditor.person in case.audited_by:
        return "they have audited this work before"
    if case.team_id is not None and case.team_id in own_teams:
        return "it is their own team's work"
    if case.team_id in auditor.conflicts.teams or behind & auditor.conflicts.people:
        return "they have declared a conflict of interest"
    return None


SOON = 7
"""Days ahead that are looked at: an auditor who leaves tomorrow is given nothing today."""


def is_gone_soon(auditor: Auditor, day: date) -> bool:
    """Whether the auditor is away that day, or for most of the working days of the week from then on."""
    if is_away(auditor, day):
        return True
    ahead = [day + timedelta(days=each) for each in range(SOON)]
    working = [each for each in ahead if each.weekday() < 5]
    return sum(is_away(auditor, each) for each in working) * 2 > len(working)


def choose(
    auditors: Sequence[Auditor],
    case: Case,
    load: Mapping[str, int],
    day: date,
    *,
    own_teams: Mapping[str, Collection[str]] | None = None,
    team_load: Mapping[str, int] | None = None,
) -> str | None:
    """The auditor with the most time for it: fewest open audits for their hours, then fewest of that team's.

    `load` counts each auditor's open audits; `team_load` their audits of this case's team so far, so that no team is
    always read by the same eyes. None when everybody is away or barred: the case then waits for somebody to claim it.
    """
    teams, seen = own_teams or {}, team_load or {}
    free = [
        auditor
        for auditor in auditors
        if auditor.hours_a_week > 0
        and not is_gone_soon(auditor, day)
        and bar(auditor, case, teams.get(auditor.person, ())) is None
    ]
    if not free:
        return None
    return min(
        free,
        key=lambda auditor: (
            (load.get(auditor.person, 0) + 1) / auditor.hours_a_week,
            seen.get(auditor.person, 0),
            hashlib.sha256(case.audit_id.bytes + auditor.person.encode()).digest(),
        ),
    ).person
