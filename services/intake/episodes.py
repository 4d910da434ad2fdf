"""What stands around the work on a child: plans, periods looked after, open cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import recording
from services.intake.domain import identity
from services.intake.domain.context import Context
from services.intake.domain.identity import NAMESPACE
from services.intake.domain.ledger import Ledger, Outcome
from services.intake.domain.work import Purge
from shared.events import EpisodeRecorded, EpisodeWithdrawn, Event

PLAN = "child_protection"

_KEEP = sa.text(
    "INSERT INTO episode AS known (child_id, kind, started_on, ended_on, category, said_on, road, sender_id, "
    "under) VALUES (:child_id, :kind, :started_on, :ended_on, :category, :said_on, :road, :sender_id, :under) "
    "ON CONFLICT (child_id, kind, started_on) DO UPDATE SET ended_on = excluded.ended_on, "
    "category = coalesce(excluded.category, known.category), said_on = excluded.said_on, "
    "sender_id = coalesce(excluded.sender_id, known.sender_id), under = coalesce(excluded.under, known.under), "
    "version = known.version + 1 "
    "WHERE known.said_on <= excluded.said_on AND (known.ended_on, known.category) IS DISTINCT FROM "
    "(excluded.ended_on, coalesce(excluded.category, known.category)) RETURNING version, category"
)

_KEEP_FRESH = sa.text(
    "INSERT INTO episode (child_id, kind, started_on, ended_on, category, said_on, road, sender_id, under) "
    "SELECT * FROM unnest(CAST(:child_id AS uuid[]), CAST(:kind AS text[]), CAST(:started_on AS date[]), "
    "CAST(:ended_on AS date[]), CAST(:category AS text[]), CAST(:said_on AS date[]), CAST(:road AS text[]), "
    "CAST(:sender_id AS text[]), CAST(:under AS text[]))"
)

_KNOWN = sa.text(
    "SELECT child_id, kind, started_on, ended_on, category, sender_id FROM episode WHERE child_id = ANY(:children)"
)

_DROP = sa.text(
    "DELETE FROM episode WHERE child_id = :child_id AND kind = :kind AND road = :road AND sender_id = :sender_id "
    "AND (CAST(:purge AS boolean) OR started_on <> :started_on) RETURNING started_on, version"
)

_PURGE = sa.text(
    "DELETE FROM episode WHERE child_id = :child_id AND (CAST(:episode AS text) IS NULL "
    "OR (road = :road AND under = :episode)) RETURNING kind, started_on, version"
)


async def keep(
    session: AsyncSession, keys: recording.Keys, contexts: Sequence[Context], said_on: date, at: datetime
) -> recording.Recorded:
    """Keep what was said of children's plans and periods; work that falls under them otherwise now is told anew."""
    council, key = keys
    if not contexts:
        return recording.Recorded()
    children = {context.child: identity.pseudonym(key, context.child) for context in contexts}
    await recording.lock_children(session, children.values())
    values = [_values(context, children[context.child], said_on) for context in contexts]
    known = await _known(session, set(children.values()))
    fresh = _fresh(values, known)
    together = {id(each) for each in fresh}
    if fresh:
        await session.execute(_KEEP_FRESH, _columns(fresh))
    kept: list[list[Event]] = []
    for each in values:
        if id(each) in together:
            kept.append([_recorded(council, each, 1, each["category"], at)])
        else:
            kept.append([] if _stands(each, known) else await _keep(session, council, each, at))
    affected = _affected(values, kept, known)
    told = await _tell_anew(session, keys, affected, at) if affected else []
    events: list[Event] = [*(event for events in kept for event in events), *told]
    return recording.Recorded([Outcome.ACCEPTED if events else Outcome.DUPLICATE for events in kept], events)


async def _tell_anew(session: AsyncSession, keys: recording.Keys, children: set[UUID], at: datetime) -> list[Event]:
    """The work on these children, where it falls under other plans now."""
    ledger = Ledger(*keys, all_anew=True, heard_at=dict.fromkeys(sorted(children), at))
    await recording.load(session, ledger, children)
    told: list[Event] = list(ledger.settle())
    await recording.store(session, ledger)
    return told


Standing = dict[tuple[UUID, str, date], tuple[date | None, str | None, str | None]]
"""What is known of each episode: its end, its category, the sender's id."""


async def _known(session: AsyncSession, children: set[UUID]) -> Standing:
    return {
        (row.child_id, row.kind, row.started_on): (row.ended_on, row.category, row.sender_id)
        for row in await session.execute(_KNOWN, {"children": list(children)})
    }


def _stands(values: dict[str, Any], known: Standing) -> bool:
    """Whether an episode stands already as it is said: most of a daily push does."""
    held = known.get((values["child_id"], values["kind"], values["started_on"]))
    if held is None or values["purge"]:
        return False
    ended_on, category, sender_id = held
    said_category = values["category"] or category
    return (ended_on, category, sender_id) == (values["ended_on"], said_category, values["sender_id"])


def _fresh(values: Sequence[dict[str, Any]], known: Standing) -> list[dict[str, Any]]:
    """Those of which nothing is known and that are said once: they go in together, for most of a first push is such."""
    named = {(child_id, kind, sender_id) for (child_id, kind, _), (_, _, sender_id) in known.items()}
    said = Counter(place for each in values for place in _places(each))
    return [
        each
        for each in values
        if not each["purge"]
        and (each["child_id"], each["kind"], each["started_on"]) not in known
        and (each["child_id"], each["kind"], each["sender_id"]) not in named
        and all(said[place] == 1 for place in _places(each))
    ]


def _places(values: dict[str, Any]) -> list[tuple[object, ...]]:
    """Under what an episode may be found: its start, and the sender's id where it has one."""
    about = (values["child_id"], str(values["kind"]))
    by_id = [(*about, "id", values["sender_id"])] if values["sender_id"] is not None else []
    return [(*about, "start", values["started_on"]), *by_id]


def _columns(fresh: Sequence[dict[str, Any]]) -> dict[str, list[object]]:
    return {name: [each[name] for each in fresh] for name in fresh[0] if name != "purge"}


def _affected(values: Sequence[dict[str, Any]], kept: Sequence[list[Event]], known: Standing) -> set[UUID]:
    """The children whose work may fall under another category: a first plan that has none changes nothing."""
    with_plans = {child_id for child_id, kind, _ in known if kind == PLAN}
    return {
        each["child_id"]
        for each, events in zip(values, kept, strict=True)
        if events and each["kind"] == PLAN and (each["category"] is not None or each["child_id"] in with_plans)
    }


async def _keep(session: AsyncSession, council: str, values: dict[str, Any], at: datetime) -> list[Event]:
    """Keep one, and say what became of it. What a sender moved or asks to delete under its own id goes first."""
    events: list[Event] = []
    about = {"occurred_at": at, "child_id": values["child_id"], "council": council, "kind": str(values["kind"])}
    if values["sender_id"] is not None:
        for row in await session.execute(_DROP, values):
            gone = _episode_id(values["child_id"], values["kind"], row.started_on)
            events.append(EpisodeWithdrawn(episode_id=gone, version=row.version + 1, **about))
    kept = None if values["purge"] else (await session.execute(_KEEP, values)).first()
    if kept is not None:
        events.append(_recorded(council, values, kept.version, kept.category, at))
    return events


def _recorded(
    council: str, values: dict[str, Any], version: int, category: str | None, at: datetime
) -> EpisodeRecorded:
    return EpisodeRecorded(
        occurred_at=at,
        version=version,
        episode_id=_episode_id(values["child_id"], values["kind"], values["started_on"]),
        child_id=values["child_id"],
        council=council,
        kind=str(values["kind"]),
        started_on=values["started_on"],
        ended_on=values["ended_on"],
        category_of_abuse=category,
        source=values["road"],
    )


async def purge(session: AsyncSession, keys: recording.Keys, purges: Sequence[Purge]) -> list[Event]:
    """Delete what stands around purged children, and the case, plans and placements of a purged episode."""
    council, key = keys
    events: list[Event] = []
    for each in purges:
        child_id = identity.pseudonym(key, each.child)
        values = {"child_id": child_id, "road": str(each.road), "episode": each.episode}
        for row in await session.execute(_PURGE, values):
            gone = _episode_id(child_id, row.kind, row.started_on)
            about = {"occurred_at": each.at, "child_id": child_id, "council": council, "kind": row.kind}
            events.append(EpisodeWithdrawn(episode_id=gone, version=row.version + 1, **about))
    return events


def _episode_id(child_id: UUID, kind: str, started_on: date) -> UUID:
    return uuid5(NAMESPACE, f"episode/{kind}/{child_id}/{started_on}")


def counts(contexts: Sequence[Context]) -> Counter[str]:
    """How many rows of each kind."""
    return Counter(context.kind for context in contexts)


def _values(context: Context, child_id: UUID, said_on: date) -> dict[str, Any]:
    return {
        "child_id": child_id,
        "kind": context.kind,
        "started_on": context.started_on,
        "ended_on": context.ended_on,
        "category": context.category,
        "said_on": said_on,
        "road": str(context.road),
        "sender_id": context.sender_id,
        "purge": context.purge,
        "under": context.under,
    }
