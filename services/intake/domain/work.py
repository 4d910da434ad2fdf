"""One piece of finished work as intake holds it: what each road said of it, and the one record made of them.

A road (a case management system on Kafka, the DfE's push, a census, an Annex A file) says what it knows of an
assessment, a contact, a referral or an enquiry. All of it is kept by road; the record is made field by field from the
road that knows best, so that the order in which they arrive does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec


class Road(StrEnum):
    """The four contracts, the one that knows best first."""

    CMS = "cms"
    DFE = "dfe"
    CENSUS = "cin-census"
    ANNEX_A = "annex-a"


class Said(msgspec.Struct, omit_defaults=True):
    """What one road said of a piece of work, in its newest version; also the one record made of what all said.

    `worker` and `team` are ids; the `…_name` are what a file has instead. `finished_on` is none while the work is not
    finished. `episode` is the sender's id of the social care episode that it belongs to: a purge may name that. Nobody
    changes one. A struct, for one is made, compared and written as JSON for every event: a dataclass takes five times
    as long.
    """

    at: datetime
    started_on: date
    version: int = 1
    finished_on: date | None = None
    finished_at: datetime | None = None
    finished_by: str | None = None
    decided: bool = True
    referred_on: date | None = None
    worker: str | None = None
    worker_name: str | None = None
    team: str | None = None
    team_name: str | None = None
    factors: tuple[str, ...] = ()
    category: str | None = None
    child_seen: bool | None = None
    no_further_action: bool | None = None
    conference_on: date | None = None
    outcome: str | None = None
    age_band: str | None = None
    family: str | None = None
    earlier_enquiries: int | None = None
    earlier_referrals: int | None = None
    episode: str | None = None

    @property
    def order(self) -> tuple[int, datetime]:
        """What decides which of two statements of one road is the newer: its version, then when it was made."""
        return self.version, self.at

    def differing(self, other: Said) -> list[str]:
        """The facts in which the two differ; when they were said is none."""
        return [name for name in FACTS if getattr(self, name) != getattr(other, name)]

    def says_the_same_as(self, other: Said) -> bool:
        """Whether the two differ in nothing but their version and time."""
        return _facts_of(self) == _facts_of(other)


FACTS = tuple(name for name in Said.__struct_fields__ if name not in {"at", "version", "episode"})
"""Everything that is told of a piece of work, in a fixed order."""

_facts_of = attrgetter(*FACTS)


def stored(said: Mapping[str, Said]) -> str:
    """What the roads said, as JSON."""
    return _ENCODER.encode(said).decode()


def restored(said: object) -> dict[str, Said]:
    """The same again, from JSON or from what a database made of it."""
    return _DECODER.decode(said) if isinstance(said, str) else msgspec.convert(said, dict[str, Said])


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(dict[str, Said])


class Submission(msgspec.Struct):
    """A statement on its way in: about which child, under which id of the sender's, by which road.

    `sender_id` is none where the road has no ids; then child, kind and start say what it is about. `withdraws` marks
    a purge, which has no other facts.
    """

    road: str
    kind: str
    child: str
    sender_id: str | None
    said: Said | None
    version: int
    at: datetime

    @property
    def withdraws(self) -> bool:
        """Whether the sender asks for deletion."""
        return self.said is None

    @property
    def order(self) -> tuple[int, datetime]:
        """As `Said.order`."""
        return self.version, self.at


@dataclass(frozen=True, slots=True)
class Purge:
    """A sender asks for deletion of all that a child's episode holds, or of all that is held of the child."""

    road: str
    child: str
    episode: str | None
    at: datetime


class Work(msgspec.Struct):
    """A piece of work in intake's memory: its lasting id, what the roads said, and where its record stands."""

    assessment_id: UUID
    child_id: UUID
    kind: str
    road: str
    """By which road it first came."""
    sender_id: str | None
    said: dict[str, Said]
    started_on: date
    version: int = 0
    """Of the newest event about it; 0 while none was told."""
    digest: str | None = None
    """Of the newest event's facts; none while nothing stands (open, or withdrawn)."""
    unmatched: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    withdrawn_road: str | None = None
    withdrawn_version: int = 0
    withdrawn_at: datetime | None = None
    is_new: bool = False
    is_touched: bool = False
    new_aliases: list[tuple[str, str]] = []


def facts(said: Mapping[str, Said]) -> Said:
    """The one record of what all roads said. Each field comes from the road that knows best and has it at all."""
    if len(said) == 1:
        return next(iter(said.values()))
    best = [said[road] for road in Road if road in said]
    end = next((each for each in best if each.decided and each.finished_on), None)
    end = end or next((each for each in best if each.finished_on), best[0])
    worker = next((each for each in best if each.worker or each.worker_name), best[0])
    team = next((each for each in best if each.team or each.team_name), best[0])
    values: dict[str, Any] = {name: _first(best, name) for name in FACTS}
    values |= {"finished_on": end.finished_on, "finished_at": end.finished_at, "decided": end.decided}
    values |= {"worker": worker.worker, "worker_name": worker.worker_name}
    values |= {"team": team.team, "team_name": team.team_name}
    for count in ("earlier_enquiries", "earlier_referrals"):
        values[count] = max((said for each in best if (said := getattr(each, count)) is not None), default=None)
    return Said(at=max(each.at for each in best), **values)


def _first(best: Sequence[Said], name: str) -> object:
    """The best road's word on a field; an empty list of factors is no word."""
    values = (getattr(each, name) for each in best)
    fallback = () if name == "factors" else None
    return next((value for value in values if value not in (None, ())), fallback)
