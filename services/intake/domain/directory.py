"""The staff directory as cases are matched against it: who a worker's id or name stands for, and which team on a day.

An unknown worker or team refuses nothing: the case goes on, marked, and is listed for business support to resolve.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

import msgspec

from shared.events import TeamMembership

_TITLES = re.compile(r"^(mr|mrs|ms|miss|dr|mx)\.? ")
_GAPS = re.compile(r"[\s.,_-]+")


@lru_cache(maxsize=8192)
def spelling(name: str) -> str:
    """A name as it is compared: no case, no accents of layout, no title, "Family, Given" turned round."""
    text = unicodedata.normalize("NFKC", name).casefold().strip()
    if text.count(",") == 1:
        family, given = text.split(",")
        text = f"{given.strip()} {family.strip()}"
    return _GAPS.sub(" ", _TITLES.sub("", text)).strip()


class Named(msgspec.Struct, frozen=True):
    """A worker or team as a case names it. `unknown` is the spelling to list where the directory has no such one."""

    id: str | None = None
    unknown: str | None = None


NOBODY = Named()


@dataclass(frozen=True)
class Directory:
    """What cases are matched against. `…_spelled` map a compared spelling to the id that it stands for."""

    memberships: Mapping[str, Sequence[TeamMembership]] = field(default_factory=dict)
    workers_spelled: Mapping[str, str] = field(default_factory=dict)
    teams: frozenset[str] = frozenset()
    teams_spelled: Mapping[str, str] = field(default_factory=dict)
    listed: frozenset[tuple[str, str]] = frozenset()
    """The unknown ones that are listed already: a kind, and the id that cases have for it."""

    def worker(self, worker_id: str | None, name: str | None) -> Named:
        """Who is meant by an id or, where there is none, by a name."""
        if worker_id is not None:
            if worker_id in self.memberships:
                return Named(worker_id)
            stands_for = self.workers_spelled.get(spelling(worker_id))
            return Named(stands_for) if stands_for else Named(worker_id, worker_id)
        return _by_name(name, self.workers_spelled)

    def team(self, team_id: str | None, name: str | None) -> Named:
        """Which team is meant."""
        if team_id is not None:
            if team_id in self.teams:
                return Named(team_id)
            stands_for = self.teams_spelled.get(spelling(team_id))
            return Named(stands_for) if stands_for else Named(team_id, team_id)
        return _by_name(name, self.teams_spelled)

    def team_of(self, worker_id: str | None, day: date) -> Named:
        """The team that a worker belonged to on that day: somebody who moved keeps old cases with the old team.

        Of two at once it is the one that they joined last: lists of staff give a move a start, and close nothing. A
        file's end may be the day on which the next team began, or the last day in the old one: then it counts too.
        """
        memberships = sorted(self.memberships.get(worker_id or "", ()), key=lambda held: held.since, reverse=True)
        for held in memberships:
            if held.stands_on(day):
                return Named(held.team_id)
        return next((Named(held.team_id) for held in memberships if held.until == day), NOBODY)


def _by_name(name: str | None, spelled: Mapping[str, str]) -> Named:
    if not name:
        return NOBODY
    stands_for = spelled.get(spelling(name))
    return Named(stands_for) if stands_for else Named(None, name)
