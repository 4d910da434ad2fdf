"""What stands around the work on a child: a plan, a placement, a period looked after."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from services.intake.domain import cells
from services.intake.domain.cells import Cell
from services.intake.domain.plausibility import implausible_span
from services.intake.domain.refusal import Refusal
from services.intake.domain.work import Road

CATEGORIES = (
    ("MUL", r"mul|,|/| and "),
    ("NEG", r"neg"),
    ("EMO", r"emo"),
    ("PHY", r"phy"),
    ("SAB", r"sab|sex"),
)
"""The DfE's categories of abuse, by what their names hold."""


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


def stated(
    kind: str, road: str, fields: Mapping[str, Cell], today: date, *, from_1904: bool = False
) -> Context | Refusal:
    """What these fields say on `today` of a plan, a period or an open case, or the first thing wrong with them.

    Who holds it is an id on the roads that have ids of staff, and a name on the others.
    """
    named = cells.ids(fields)
    if isinstance(named, Refusal):
        return named
    span = _span(fields, today, from_1904)
    if isinstance(span, Refusal):
        return span
    unknown = _unknown_category(fields)
    if unknown is not None:
        return unknown
    child, sender_id = named
    worker, team = _name(fields.get("worker")), _name(fields.get("team"))
    said = Context(child, kind, *span, category(fields.get("category")), road, sender_id)
    if road == Road.CMS:
        return replace(said, worker=worker, team=team)
    return replace(said, worker_name=worker, team_name=team)


def _span(fields: Mapping[str, Cell], today: date, from_1904: bool) -> tuple[date, date | None] | Refusal:
    started_on = cells.day(fields.get("started_on"), "started_on", from_1904=from_1904)
    if isinstance(started_on, Refusal):
        return started_on
    ended_on = cells.day(fields.get("ended_on"), "ended_on", from_1904=from_1904)
    if isinstance(ended_on, Refusal):
        return ended_on
    if started_on is None:
        return Refusal("missing", "started_on", "There is no date here")
    return implausible_span(started_on, ended_on, today) or (started_on, ended_on)


def _unknown_category(fields: Mapping[str, Cell]) -> Refusal | None:
    """Why what is written as a category of abuse is none: it decides what a plan's work falls under."""
    cell = fields.get("category")
    said = cells.text(cell)
    if said is None or said.casefold() in cells.NEITHER or category(cell) is not None:
        return None
    return Refusal("unknown_code", "category", "This is none of the DfE's categories of abuse")


def category(cell: Cell) -> str | None:
    """The code of a category of abuse, however it was written."""
    said = (cells.text(cell) or "").casefold()
    return next((code for code, pattern in CATEGORIES if said and re.search(pattern, said)), None)


def _name(cell: Cell) -> str | None:
    return (cells.staff_name(cell) or "")[:100] or None
