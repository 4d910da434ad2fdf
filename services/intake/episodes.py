"""What stands around the work on a child: plans, periods looked after, open cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import links, recording, staff
from services.intake.domain import identity
from services.intake.domain.context import Context
from services.intake.domain.holders import UNSAID, Holder, holder_of
from services.intake.domain.identity import NAMESPACE
from services.intake.domain.ledger import Ledger, Outcome
from services.intake.domain.standing import Known, Standing, named_by, order_of, place_of
from services.intake.domain.work import Purge
from shared.events import EpisodeRecorded, EpisodeWithdrawn, Event
from shared.working_days import local_date

PLAN = "child_protection"


_KEEP = sa.text(
    "INSERT INTO episode AS known (child_id, kind, started_on, ended_on, category, said_on, road, sender_id, "
    "under, version, said_version, said_at, worker_id, team_id) VALUES (:child_id, :kind, :started_on, :ended_on, "
    ":category, :said_on, :road, :sender_id, :under, :version, :said_version, :said_at, :worker_id, :team_id) "
    "ON CONFLICT (child_id, kind, started_on) DO UPDATE SET ended_on = excluded.ended_on, "
    "category = coalesce(excluded.category, known.category), said_on = excluded.said_on, "
    "road = CASE WHEN excluded.sender_id IS NULL THEN known.road ELSE excluded.road END, "
    "sender_id = coalesce(excluded.sender_id, known.sender_id), under = coalesce(excluded.under, known.under), "
    "said_version = excluded.said_version, said_at = excluded.said_at, version = known.version + 1, "
    "worker_id = excluded.worker_id, team_id = excluded.team_id "
    "WHERE known.said_on <= excluded.said_on AND (known.ended_on, known.category, known.worker_id, known.team_id) "
    "IS DISTINCT FROM (excluded.ended_on, coalesce(excluded.category, known.category), "
    "excluded.worker_id, excluded.team_id) RETURNING version, category"
)

_KEEP_FRESH = sa.text(
    "INSERT INTO episode (child_id, kind, started_on, ended_on, category, said_on, road, sender_id, under, version, "
    "said_version, said_at, worker_id, team_id) "
    "SELECT * FROM unnest(CAST(:child_id AS uuid[]), CAST(:kind AS text[]), CAST(:started_on AS date[]), "
    "CAST(:ended_on AS date[]), CAST(:category AS text[]), CAST(:said_on AS date[]), CAST(:road AS text[]), "
    "CAST(:sender_id AS text[]), CAST(:under AS text[]), CAST(:version AS integer[]), "
    "CAST(:said_version AS bigint[]), CAST(:said_at AS timestamptz[]), CAST(:worker_id AS text[]), "
    "CAST(:team_id AS text[]))"
)

_SAID_AGAIN = sa.text(
    "UPDATE episode SET said_version = :said_version, said_at = :said_at "
    "WHERE child_id = :child_id AND kind = :kind AND started_on = :started_on"
)

_KNOWN = sa.text(
    "SELECT child_id, kind, started_on, ended_on, category, road, sender_id, version, said_version, said_at, "
    "worker_id, team_id, false AS is_gone FROM episode WHERE child_id = ANY(:children) UNION ALL "
    "SELECT child_id, kind, started_on, NULL, NULL, road, sender_id, version, said_version, said_at, NULL, NULL, true "
    "FROM episode_gone WHERE child_id = ANY(:children)"
)

_DROP = sa.text(
    "WITH gone AS (DELETE FROM episode WHERE child_id = :child_id AND kind = :kind AND road = :road "
    "AND sender_id = :sender_id AND (CAST(:purge AS boolean) OR started_on <> :started_on) "
    "RETURNING child_id, kind, started_on, road, sender_id, version), kept AS ("
    "INSERT INTO episode_gone (child_id, kind, started_on, road, sender_id, version) "
    "SELECT child_id, kind, started_on, road, sender_id, version + 1 FROM gone "
    "ON CONFLICT (child_id, kind, started_on, road, sender_id) DO UPDATE SET version = excluded.version) "
    "SELECT kind, started_on, version + 1 AS version FROM gone"
)
"""What is deleted leaves its last version behind, for what comes back later is a later version."""

_PURGE = sa.text(
    "WITH gone AS (DELETE FROM episode WHERE child_id = :child_id AND (CAST(:episode AS text) IS NULL "
    "OR (road = :road AND under = :episode)) "
    "RETURNING child_id, kind, started_on, road, sender_id, version), kept AS ("
    "INSERT INTO episode_gone (child_id, kind, started_on, road, sender_id, version) "
    "SELECT child_id, kind, started_on, road, coalesce(sender_id, ''), version + 1 FROM gone "
    "ON CONFLICT (child_id, kind, started_on, road, sender_id) DO UPDATE SET version = excluded.version) "
    "SELECT kind, started_on, version + 1 AS version FROM gone"
)

_REMEMBER = sa.text(
    "INSERT INTO episode_gone (child_id, kind, started_on, road, sender_id, version, said_version, said_at) "
    "VALUES (:child_id, :kind, :started_on, :road, :sender_id, 0, :said_version, :said_at) "
    "ON CONFLICT (child_id, kind, started_on, road, sender_id) "
    "DO UPDATE SET said_version = excluded.said_version, said_at = excluded.said_at"
)
"""A purge, on no day: what its sender said of that id before it stays away, whether it has come or not."""


_HELD_BY = sa.text(
    "SELECT child_id, kind, started_on, ended_on, category, road, said_on, worker_id, team_id FROM episode "
    "WHERE 'worker:' || worker_id = ANY(CAST(:known AS text[])) OR 'team:' || team_id = ANY(CAST(:known AS text[]))"
)
_HOLD = sa.text(
    "UPDATE episode SET worker_id = :worker_id, team_id = :team_id, version = version + 1 "
    "WHERE child_id = :child_id AND kind = :kind AND started_on = :started_on "
    "AND (worker_id, team_id) IS DISTINCT FROM (CAST(:worker_id AS text), CAST(:team_id AS text)) RETURNING version"
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
    holders = await _holders(session, key, contexts, said_on, at)
    values = [
        _values(context, holder, children[context.child], said_on, at)
        for context, holder in zip(contexts, holders, strict=True)
    ]
    known = await _known(session, set(children.values()))
    before = known.children
    fresh = _fresh(values, known)
    together = {id(each) for each in fresh}
    if fresh:
        await session.execute(_KEEP_FRESH, _columns(fresh))
    with_plans = {child_id for child_id, kind, _ in known.standing if kind == PLAN}
    kept: list[list[Event]] = []
    for each in values:
        if id(each) in together:
            kept.append([_recorded(council, each, each["version"], each["category"])])
        else:
            kept.append(await _keep(session, council, each, known))
    now = known.children | {each["child_id"] for each in fresh}
    heard_at = dict.fromkeys(children.values(), at)
    linked = await links.link(
        session, {child: case for case, child in children.items() if child in now - before}, heard_at
    )
    unlinked = await links.unlink(session, before - now, heard_at)
    affected = _affected(values, kept, with_plans)
    told = await _tell_anew(session, keys, affected, at) if affected else []
    events: list[Event] = [*linked, *unlinked, *(event for events in kept for event in events), *told]
    return recording.Recorded([Outcome.ACCEPTED if events else Outcome.DUPLICATE for events in kept], events)


async def _holders(
    session: AsyncSession, key: bytes, contexts: Sequence[Context], said_on: date, at: datetime
) -> list[Holder]:
    """Who holds each of them, by the staff directory; whom it lacks is listed, to be resolved."""
    if not any(context.names_a_holder for context in contexts):
        return [UNSAID] * len(contexts)
    directory = await staff.directory(session)
    unknown: dict[tuple[str, str], str] = {}
    found = []
    for context in contexts:
        day = context.ended_on or (said_on if context.at is None else local_date(context.at))
        found.append(holder_of(context, directory, key, day))
        unknown |= {name: shown for name, shown in found[-1].unknown if name not in directory.listed}
    await staff.list_unknown(session, unknown, at)
    return found


async def _tell_anew(session: AsyncSession, keys: recording.Keys, children: set[UUID], at: datetime) -> list[Event]:
    """The work on these children, where it falls under other plans now."""
    ledger = Ledger(*keys, all_anew=True, heard_at=dict.fromkeys(sorted(children), at))
    await recording.load(session, ledger, children)
    told: list[Event] = list(ledger.settle())
    await recording.store(session, ledger)
    return told


async def _known(session: AsyncSession, children: set[UUID]) -> Known:
    known = Known()
    for row in await session.execute(_KNOWN, {"children": list(children)}):
        place, named = (row.child_id, row.kind, row.started_on), (row.child_id, row.kind, row.road, row.sender_id)
        if not row.is_gone:
            known.standing[place] = Standing(
                row.ended_on, row.category, row.sender_id, row.worker_id, row.team_id, row.road
            )
        elif row.version:
            known.gone[place] = max(row.version, known.gone.get(place, 0))
        if row.sender_id and row.said_at is not None:
            (known.purged if row.is_gone else known.newest)[named] = (row.said_version, row.said_at)
    return known


def _fresh(values: Sequence[dict[str, Any]], known: Known) -> list[dict[str, Any]]:
    """Those of which nothing is known and that are said once: they go in together, for most of a first push is such."""
    named = {(child_id, kind, sender_id) for (child_id, kind, _), (_, _, sender_id, *_) in known.standing.items()}
    said = Counter(place for each in values for place in _places(each))
    return [
        each
        for each in values
        if not each["purge"]
        and place_of(each) not in known.standing
        and place_of(each) not in known.gone
        and (each["child_id"], each["kind"], each["sender_id"]) not in named
        and not known.is_stale(each)
        and all(said[place] == 1 for place in _places(each))
    ]


def _places(values: dict[str, Any]) -> list[tuple[object, ...]]:
    """Under what an episode may be found: its start, and the sender's id where it has one."""
    about = (values["child_id"], str(values["kind"]))
    by_id = [(*about, "id", values["sender_id"])] if values["sender_id"] is not None else []
    return [(*about, "start", values["started_on"]), *by_id]


def _columns(fresh: Sequence[dict[str, Any]]) -> dict[str, list[object]]:
    return {name: [each[name] for each in fresh] for name in fresh[0] if name != "purge"}


def _affected(values: Sequence[dict[str, Any]], kept: Sequence[list[Event]], with_plans: set[UUID]) -> set[UUID]:
    """The children whose work may fall under another category: a first plan that has none changes nothing."""
    return {
        each["child_id"]
        for each, events in zip(values, kept, strict=True)
        if events and each["kind"] == PLAN and (each["category"] is not None or each["child_id"] in with_plans)
    }


async def _keep(session: AsyncSession, council: str, values: dict[str, Any], known: Known) -> list[Event]:
    """Keep one, and say what became of it. What a sender moved or asks to delete under its own id goes first."""
    if known.is_stale(values):
        return []
    named, order = named_by(values), order_of(values)
    if known.stands(values):
        if named is not None and order > known.newest.get(named, order):
            await session.execute(_SAID_AGAIN, values)
            known.newest[named] = order
        return []
    events = await _drop(session, council, values, known)
    if values["purge"]:
        return events
    values["version"] = known.gone.get(place_of(values), 0) + 1
    held = known.standing.get(place_of(values))
    if held is not None:
        if held.outlasts(values):
            return events
        again = held.said_again(values)
        values["worker_id"], values["team_id"] = again.worker_id, again.team_id
    kept = (await session.execute(_KEEP, values)).first()
    if kept is not None:
        known.standing[place_of(values)] = Standing(
            values["ended_on"],
            kept.category,
            values["sender_id"],
            values["worker_id"],
            values["team_id"],
            values["road"],
        )
        events.append(_recorded(council, values, kept.version, kept.category))
    return events


async def _drop(session: AsyncSession, council: str, values: dict[str, Any], known: Known) -> list[Event]:
    """Withdraw what the sender had under this id, where it stands on another day or is to be deleted."""
    named = named_by(values)
    if named is None:
        return []
    events: list[Event] = []
    for row in await session.execute(_DROP, values):
        place = (values["child_id"], values["kind"], row.started_on)
        known.standing.pop(place, None)
        known.gone[place] = row.version
        events.append(_withdrawn(council, *place, row.version, values["said_at"]))
    (known.purged if values["purge"] else known.newest)[named] = order_of(values)
    if values["purge"]:
        await session.execute(_REMEMBER, values | {"started_on": date.min})
    return events


def _withdrawn(
    council: str, child_id: UUID, kind: str, started_on: date, version: int, at: datetime
) -> EpisodeWithdrawn:
    return EpisodeWithdrawn(
        occurred_at=at,
        version=version,
        episode_id=_episode_id(child_id, kind, started_on),
        child_id=child_id,
        council=council,
        kind=str(kind),
    )


def _recorded(council: str, values: Mapping[str, Any], version: int, category: str | None) -> EpisodeRecorded:
    return EpisodeRecorded(
        occurred_at=values["said_at"],
        version=version,
        episode_id=_episode_id(values["child_id"], values["kind"], values["started_on"]),
        child_id=values["child_id"],
        council=council,
        kind=str(values["kind"]),
        started_on=values["started_on"],
        ended_on=values["ended_on"],
        category_of_abuse=category,
        worker_id=values["worker_id"],
        team_id=values["team_id"],
        source=values["road"],
    )


async def purge(session: AsyncSession, keys: recording.Keys, purges: Sequence[Purge]) -> list[Event]:
    """Delete what stands around purged children, and the case, plans and placements of a purged episode."""
    council, key = keys
    events: list[Event] = []
    heard_at: dict[UUID, datetime] = {}
    for each in purges:
        child_id = identity.pseudonym(key, each.child)
        values = {"child_id": child_id, "road": str(each.road), "episode": each.episode}
        gone = await session.execute(_PURGE, values)
        withdrawn = [_withdrawn(council, child_id, row.kind, row.started_on, row.version, each.at) for row in gone]
        if withdrawn:
            heard_at[child_id] = each.at
        events += withdrawn
    return [*events, *await links.unlink(session, heard_at, heard_at)]


async def resolve(session: AsyncSession, council: str, known: Mapping[str, str], at: datetime) -> list[Event]:
    """Tell anew what is held by workers or teams that the directory has come to know: `known` says whom each means."""
    rows = (await session.execute(_HELD_BY, {"known": list(known)})).mappings().all()
    if not rows:
        return []
    await recording.lock_children(session, {row["child_id"] for row in rows})
    directory = await staff.directory(session)
    events: list[Event] = []
    # Read again, for whoever had the lock may have changed them.
    for row in (await session.execute(_HELD_BY, {"known": list(known)})).mappings():
        worker_id = known.get(f"worker:{row['worker_id']}", row["worker_id"])
        team_id = known.get(f"team:{row['team_id']}", row["team_id"])
        team_id = team_id or directory.team_of(worker_id, row["ended_on"] or row["said_on"]).id
        values = dict(row) | {"worker_id": worker_id, "team_id": team_id, "said_at": at}
        version = (await session.execute(_HOLD, values)).scalar()
        if version is not None:
            events.append(_recorded(council, values, version, row["category"]))
    return events


def _episode_id(child_id: UUID, kind: str, started_on: date) -> UUID:
    return uuid5(NAMESPACE, f"episode/{kind}/{child_id}/{started_on}")


def counts(contexts: Sequence[Context]) -> Counter[str]:
    """How many rows of each kind."""
    return Counter(context.kind for context in contexts)


def _values(context: Context, holder: Holder, child_id: UUID, said_on: date, at: datetime) -> dict[str, Any]:
    return {
        "child_id": child_id,
        "kind": str(context.kind),
        "started_on": context.started_on,
        "ended_on": context.ended_on,
        "category": context.category,
        "said_on": said_on if context.at is None else local_date(context.at),
        "road": str(context.road),
        "sender_id": context.sender_id,
        "purge": context.purge,
        "under": context.under,
        "version": 1,
        "said_version": context.version,
        "said_at": context.at or at,
        "worker_id": holder.worker_id,
        "team_id": holder.team_id,
    }
