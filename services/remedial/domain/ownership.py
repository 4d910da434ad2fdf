"""Whose an action is: the practitioner's, their manager's where they have left, nobody's where no one is known."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.events import Role

OWNING = frozenset({Role.PRACTITIONER.value, Role.TEAM_MANAGER.value, Role.HEAD_OF_SERVICE.value})
"""Roles that can report an action done: given to anybody else, it could never be finished."""


class Because(StrEnum):
    """Why an action has the owner that it has."""

    NAMED = "named"
    """The auditor named them in the finding."""
    PRACTITIONER = "practitioner"
    """They hold the case."""
    MANAGER = "manager"
    """The one meant has left or is not in the directory, so their team manager answers."""
    NOBODY = "nobody"
    """No one is known: business support finds somebody."""
    HANDED_OVER = "handed_over"
    """Somebody reassigned it, with a reason."""


@dataclass(frozen=True)
class Owner:
    """An owner, or none, and why."""

    person_id: str | None
    because: Because


def owner_of(
    named: str | None,
    practitioner: str | None,
    team_id: str | None,
    active: Mapping[str, bool],
    managers: Mapping[str, Sequence[str]],
) -> Owner:
    """Who should act on a finding.

    `active` says of every person whom the directory knows whether they still work here; `managers` are the active
    managers of a team, in a stable order. Whoever was meant never stands in for themselves as the manager.
    """
    meant = named or practitioner
    if meant is not None and active.get(meant, False):
        return Owner(meant, Because.NAMED if named else Because.PRACTITIONER)
    standing_in = [each for each in managers.get(team_id or "", ()) if each != meant]
    return Owner(standing_in[0], Because.MANAGER) if standing_in else Owner(None, Because.NOBODY)


def team_after(team_id: str | None, teams_of_owner: Collection[str]) -> str | None:
    """The team that answers after a hand-over: the same where the new owner belongs to it, else the owner's own."""
    if team_id in teams_of_owner or not teams_of_owner:
        return team_id
    return min(teams_of_owner)
