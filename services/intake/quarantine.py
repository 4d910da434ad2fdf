"""What came from outside and was not taken: kept with its reason and allow-listed fields until somebody settles it."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import metrics
from services.intake.domain.refusal import Refusal

NAMESPACE = UUID("5b9d7c1e-0f3e-5c44-8f0c-0ca5e100b0d2")

_KEEP = sa.text(
    "INSERT INTO quarantined (quarantine_id, fingerprint, road, sender, kind, place, code, field, sentence, fields, "
    "as_of, came_at, state) "
    "VALUES (:quarantine_id, :fingerprint, :road, :sender, :kind, CAST(:place AS jsonb), :code, :field, :sentence, "
    "CAST(:fields AS jsonb), :as_of, :came_at, 'waiting') "
    "ON CONFLICT (fingerprint) DO UPDATE SET seen = quarantined.seen + 1 RETURNING seen"
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One thing to quarantine. `content` is the whole of it, hashed and not kept; `fields` is what may be kept."""

    road: str
    sender: str
    refusal: Refusal
    content: bytes
    came_at: datetime
    kind: str | None = None
    place: Mapping[str, str | int] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    as_of: date | None = None


async def keep(session: AsyncSession, key: bytes, arrivals: Sequence[Arrival]) -> list[bool]:
    """Quarantine each; whether it was new, for a thing seen again is a duplicate, settled or not."""
    values = [_values(key, arrival) for arrival in arrivals]
    fresh = [False] * len(arrivals)
    # Sorted, so that two that bring the same things in another order cannot deadlock.
    for place in sorted(range(len(arrivals)), key=lambda place: str(values[place]["fingerprint"])):
        seen = (await session.execute(_KEEP, values[place])).scalar_one()
        fresh[place] = seen == 1
        if seen == 1:
            metrics.QUARANTINED.labels(arrivals[place].road, arrivals[place].refusal.code).inc()
    return fresh


def id_of(key: bytes, arrival: Arrival) -> UUID:
    """Under which id this is in quarantine, once it is."""
    return uuid5(NAMESPACE, _fingerprint(key, arrival))


def _fingerprint(key: bytes, arrival: Arrival) -> str:
    # Keyed, for a child's id with a date of birth beside it could be found by trying.
    return hmac.digest(key, arrival.road.encode() + b"\n" + arrival.content, "sha256").hex()


def _values(key: bytes, arrival: Arrival) -> dict[str, object]:
    fingerprint = _fingerprint(key, arrival)
    return {
        "quarantine_id": uuid5(NAMESPACE, fingerprint),
        "fingerprint": fingerprint,
        "road": str(arrival.road),
        "sender": arrival.sender,
        "kind": None if arrival.kind is None else str(arrival.kind),
        "place": json.dumps(_harmless(arrival.place)),
        "code": arrival.refusal.code,
        "field": arrival.refusal.field,
        "sentence": arrival.refusal.sentence,
        "fields": json.dumps(_harmless(arrival.fields)),
        "as_of": arrival.as_of,
        "came_at": arrival.came_at,
    }


Value = TypeVar("Value", str, str | int)


def _harmless(fields: Mapping[str, Value]) -> dict[str, Value]:
    """The fields as PostgreSQL can hold them, without what stands for an id or a date and has no digit: a name?"""
    return {
        name: _storable(value)
        for name, value in fields.items()
        if not (name in _IDS or name.endswith("_on")) or any(map(str.isdecimal, str(value)))
    }


_IDS = frozenset({"id", "child"})


def _storable(value: Value) -> Value:
    """The value without a NUL and without half a surrogate pair: no text or JSON of PostgreSQL holds either."""
    if isinstance(value, int):
        return value
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
