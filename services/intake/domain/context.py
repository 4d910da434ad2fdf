"""What stands around the work on a child: a plan, a placement, a period looked after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Context:
    """One of them: from when to when, which category of abuse it rests on, and the sender's id where there is one.

    `under` is the sender's id of the social care episode that it belongs to: a purge may name that. `version` and `at`
    say which of two statements of one sender is the newer; `at` is none where the whole batch was said at once.
    Whoever holds it is named by id (`worker`, `team`) or, on a road that has no ids, by name.
    """

    child: str
    kind: str
    started_on: date
    ended_on: date | None
    category: str | None = None
    road: str = "annex-a"
    sender_id: str | None = None
    purge: bool = False
    under: str | None = None
    version: int = 1
    at: datetime | None = None
    worker: str | None = None
    team: str | None = None
    worker_name: str | None = None
    team_name: str | None = None

    @property
    def names_a_holder(self) -> bool:
        """Whether it says anything of who holds it."""
        return any((self.worker, self.team, self.worker_name, self.team_name))
