"""A statement made of named fields: what a row of a file, or a person who corrects one, says of a piece of work.

`FIELDS` are all that is ever kept of a row that was refused: ids, dates, codes and staff, never who the child is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from msgspec.structs import replace

from services.intake.domain import cells, plausibility
from services.intake.domain.births import Births
from services.intake.domain.cells import Cell
from services.intake.domain.factors import as_meant
from services.intake.domain.refusal import Refusal
from services.intake.domain.work import Road, Said, Submission
from shared.events import EpisodeKind, Kind

FIELDS: Mapping[str, tuple[str, ...]] = {
    Kind.CONTACT: ("child", "started_on", "finished_on", "team", "worker", "outcome"),
    Kind.REFERRAL: ("child", "started_on", "finished_on", "no_further_action", "earlier_referrals", "team", "worker"),
    Kind.ASSESSMENT: (
        "child",
        "started_on",
        "finished_on",
        "referred_on",
        "child_seen",
        "outcome",
        "factors",
        "team",
        "worker",
    ),
    Kind.ENQUIRY: (
        "child",
        "started_on",
        "finished_on",
        "conference_unnecessary",
        "conference_on",
        "earlier_enquiries",
        "team",
        "worker",
    ),
    **dict.fromkeys(EpisodeKind, ("child", "started_on", "ended_on", "team", "worker")),
    EpisodeKind.CHILD_PROTECTION: ("child", "started_on", "ended_on", "category", "team", "worker"),
}
"""Kind by kind, in the order in which a person reads them."""

Fields = Mapping[str, Cell]


def statement(
    kind: str,
    road: str,
    fields: Fields,
    today: date,
    at: datetime,
    *,
    from_1904: bool = False,
    births: Births | None = None,
) -> Submission | Refusal:
    """What these fields say on `today`, or the first thing that is wrong with them."""
    named = cells.ids(fields)
    if isinstance(named, Refusal):
        return named
    child, sender_id = named
    said = _said(kind, road, fields, at, from_1904)
    if isinstance(said, Refusal):
        return said
    born = cells.birth_date(fields.get("date_of_birth"), "date_of_birth", from_1904=from_1904)
    if isinstance(born, Refusal):
        return born
    wrong = plausibility.implausible(kind, said, today, born)
    wrong = wrong or (births.contradicted(child, born) if births is not None else None)
    if wrong is not None:
        return wrong
    said = replace(said, age_band=plausibility.age_band(born, said.started_on))
    return Submission(road, kind, child, sender_id, finished(kind, road, said, today), 1, at)


def finished(kind: str, road: str, said: Said, today: date) -> Said:
    """The statement with its end, where the road has none of its own.

    Neither Annex A nor the census has ends of its own. Annex A gives a contact its date only: counted, never drawn.
    Both give a referral its date and whether anything follows: decided, on the day (the decision is due within one
    working day, Working Together). They give an enquiry no end but its conference; without one it is known to be over,
    not when.
    """
    if road not in {Road.ANNEX_A, Road.CENSUS} or said.finished_on is not None:
        return said
    undated: dict[str, Any] = {"finished_on": said.started_on, "decided": False}
    ends: dict[str, dict[str, Any]] = {
        Kind.CONTACT: undated,
        Kind.REFERRAL: undated | {"decided": said.no_further_action is not None},
        Kind.ENQUIRY: undated if said.outcome == NO_CONFERENCE else {},
    }
    if kind == Kind.ENQUIRY and said.conference_on is not None and said.conference_on <= today:
        return replace(said, finished_on=said.conference_on)
    return replace(said, **ends.get(kind, {}))


OWN_YES = {"no_further_action": ("nfa", "no further action")}
"""What councils write for yes in a column that asks just that."""

NO_CONFERENCE = "no_conference"
CONFERENCE = "conference"


def _said(kind: str, road: str, fields: Fields, at: datetime, from_1904: bool) -> Said | Refusal:
    values: dict[str, Any] = {"at": at}
    for name in ("started_on", "finished_on", "referred_on", "conference_on"):
        values[name] = cells.day(fields.get(name), name, from_1904=from_1904)
    for name in ("child_seen", "no_further_action", "conference_unnecessary"):
        values[name] = cells.yes_or_no(fields.get(name), name, OWN_YES.get(name, ()))
    wrong = next((value for value in values.values() if isinstance(value, Refusal)), None)
    if wrong is not None:
        return wrong
    if values["started_on"] is None:
        return Refusal("missing", "started_on", "There is no date here")
    for name in ("earlier_enquiries", "earlier_referrals"):
        values[name] = cells.count(fields.get(name))
    values |= _staff(road, fields)
    factors = cells.text(fields.get("factors")) or ""
    values["factors"] = as_meant(tuple(factors.replace(",", " ").split()))
    values["outcome"] = (cells.text(fields.get("outcome")) or "")[:64] or _conference(values)
    values.pop("conference_unnecessary")
    return Said(**values)


def _conference(values: Mapping[str, object]) -> str | None:
    """What an enquiry led to, from whether a conference was needed and whether it was held."""
    if values["conference_unnecessary"] is True:
        return NO_CONFERENCE
    return CONFERENCE if values["conference_on"] is not None else None


def _staff(road: str, fields: Fields) -> dict[str, object]:
    """Annex A names staff; every other road has their ids."""
    worker, team = cells.staff_name(fields.get("worker")), cells.staff_name(fields.get("team"))
    if road == Road.ANNEX_A:
        return {"worker_name": worker[:100] if worker else None, "team_name": team[:100] if team else None}
    return {"worker": worker, "team": team}
