"""Takes statements into the ledger within the caller's transaction: lock, load, decide, store, and say what follows.

The children of a batch are locked in the order of their ids, so that two consumers which hold the same batch across a
rebalance cannot deadlock. What a batch costs follows its own children, not what is stored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import links, staff
from services.intake.domain import identity
from services.intake.domain.ledger import Ledger, Outcome, Plan
from services.intake.domain.refusal import Refusal
from services.intake.domain.work import Purge, Submission, Work, stored
from shared.db import column, raw
from shared.events import Event

Keys = tuple[str, bytes]


@dataclass
class Recorded:
    """What a batch came to: an outcome for each statement, in order, and the events that follow."""

    outcomes: list[Outcome | Refusal] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


_LOCK = (
    "SELECT pg_advisory_xact_lock_shared(hashtext('intake.directory')), pg_advisory_xact_lock(key) FROM ("
    "SELECT DISTINCT hashtextextended('intake.child.' || child, 0) AS key "
    "FROM unnest(string_to_array($1, chr(31))) AS child ORDER BY 1) AS sorted"
)
"""The directory's lock is shared: whoever tells cases anew waits for those that may not have seen it yet."""

_KNOWN = (
    "SELECT json_build_object("  # noqa: S608 - the expression put into it is our own
    "'works', (SELECT coalesce(json_agg(held), '[]') FROM ("
    "SELECT assessment_id, child_id, kind, greatest(started_on, '0001-01-01') AS started_on, road, sender_id, version, "
    "said, digest, unmatched, changed, withdrawn_road, withdrawn_version, withdrawn_at FROM work "
    "WHERE child_id = ANY(string_to_array($1, chr(31))::uuid[]) "
    "ORDER BY child_id, started_on, first_heard_at, assessment_id) AS held), "
    "'plans', (SELECT coalesce(json_agg(json_build_array("
    "child_id, greatest(started_on, '0001-01-01'), ended_on, category)), '[]') FROM episode "
    "WHERE child_id = ANY(string_to_array($1, chr(31))::uuid[]) AND kind = 'child_protection'), "
    "'aliases', (SELECT coalesce(json_agg(json_build_array(road, kind, sender_id, child_id, assessment_id)), '[]') "
    "FROM (SELECT road, kind, sender_id, child_id, assessment_id FROM work "
    "WHERE sender_id = ANY(string_to_array($2, chr(31))) UNION ALL "
    "SELECT road, kind, sender_id, child_id, assessment_id FROM alias "
    "WHERE sender_id = ANY(string_to_array($2, chr(31)))) AS held), "
    f"'stamp', {staff.STAMP})::text"
)
"""One question, for each is a walk to the server, and of nearly every child of a batch nothing is known yet.

What was purged before it came stands on the first of all days, which the driver writes as minus infinity.
"""

_NEW = (
    "assessment_id",
    "child_id",
    "kind",
    "started_on",
    "road",
    "sender_id",
    "version",
    "said",
    "digest",
    "unmatched",
    "first_heard_at",
)
"""What is seen once and new: as narrow as it can be, for nearly everything comes this way."""

FEW = 10
"""Rows. COPY speaks to the server twice, which only more of them make up for."""
_STORE_FEW = f"INSERT INTO work ({', '.join(_NEW)}) VALUES ({', '.join(f'${n}' for n in range(1, len(_NEW) + 1))})"  # noqa: S608 - its parts are our own

_STORE_CHANGED = sa.text(
    "UPDATE work SET started_on = fresh.started_on, version = fresh.version, said = CAST(fresh.said AS json), "
    "digest = fresh.digest, unmatched = string_to_array(fresh.unmatched, chr(31)), "
    "changed = string_to_array(fresh.changed, chr(31)), withdrawn_road = fresh.withdrawn_road, "
    "withdrawn_version = fresh.withdrawn_version, withdrawn_at = fresh.withdrawn_at FROM unnest("
    "CAST(:assessment_id AS uuid[]), CAST(:started_on AS date[]), CAST(:version AS integer[]), CAST(:said AS text[]), "
    "CAST(:digest AS text[]), CAST(:unmatched AS text[]), CAST(:changed AS text[]), CAST(:withdrawn_road AS text[]), "
    "CAST(:withdrawn_version AS bigint[]), CAST(:withdrawn_at AS timestamptz[])) "
    "AS fresh(assessment_id, started_on, version, said, digest, unmatched, changed, withdrawn_road, "
    "withdrawn_version, withdrawn_at) WHERE work.assessment_id = fresh.assessment_id"
)

_STORE_ALIASES = sa.text(
    "INSERT INTO alias (road, kind, sender_id, child_id, assessment_id) "
    "VALUES (:road, :kind, :sender_id, :child_id, :assessment_id)"
)

_STORE_CHANGES = sa.text(
    "INSERT INTO work_change (assessment_id, version, at, road, fields) "
    "VALUES (:assessment_id, :version, :at, :road, CAST(:fields AS jsonb))"
)


async def record(
    session: AsyncSession,
    submissions: Sequence[Submission | Purge],
    keys: Keys,
    claimed: set[UUID] | None = None,
) -> Recorded:
    """Take the statements, in order. `claimed` is shared by the batches of one file."""
    if not submissions:
        return Recorded()
    council, key = keys
    ledger = Ledger(council, key, claimed=set() if claimed is None else claimed)
    cases = {identity.pseudonym(key, each.child): each.child for each in submissions}
    await lock_children(session, cases)
    await load(session, ledger, cases, [each for each in submissions if isinstance(each, Submission)])
    outcomes = [ledger.purge(each) if isinstance(each, Purge) else ledger.take(each) for each in submissions]
    told = list(ledger.settle())
    await store(session, ledger)
    linked = await _link(session, ledger, cases)
    return Recorded(outcomes, [*linked, *told])


async def lock_all(session: AsyncSession, keys: Keys, children: Iterable[str]) -> None:
    """Hold all children that a transaction will touch, at once: two that each hold some would wait for each other."""
    await lock_children(session, {identity.pseudonym(keys[1], child) for child in children})


async def lock_children(session: AsyncSession, children: Iterable[UUID]) -> None:
    """Hold these children until the transaction ends: rules across a child's work see all of it or wait."""
    connection = await raw(session)
    await connection.fetchval(_LOCK, column(children))


class Known(msgspec.Struct):
    """What is known of the children of a batch, of their plans, and of the ids that its statements name."""

    works: list[Work]
    plans: list[tuple[UUID, date, date | None, str | None]]
    aliases: list[tuple[str, str, str, UUID, UUID]]
    stamp: str


async def load(
    session: AsyncSession, ledger: Ledger, children: Iterable[UUID], submissions: Sequence[Submission] = ()
) -> None:
    """Fill the ledger with everything known of the children, and with what goes by the ids that the statements name."""
    sender_ids = column(each.sender_id for each in submissions if each.sender_id is not None)
    known = _READ(await (await raw(session)).fetchval(_KNOWN, column(children), sender_ids))
    for work in known.works:
        ledger.works[work.child_id].append(work)
        if work.said:
            ledger.linked.add(work.child_id)
    for child_id, started_on, ended_on, category in known.plans:
        ledger.plans[child_id].append(Plan(started_on, ended_on, category))
    for road, kind, sender_id, child_id, assessment_id in known.aliases:
        ledger.aliases[road, kind, sender_id] = (child_id, assessment_id)
    ledger.directory = await staff.directory(session, known.stamp)


_READ = msgspec.json.Decoder(Known).decode


async def store(session: AsyncSession, ledger: Ledger) -> None:
    """Write what the ledger changed: one statement for what is new, one for what was known."""
    touched = [work for works in ledger.works.values() for work in works if work.is_touched]
    new = [work for work in touched if work.is_new]
    if new:
        rows = _new_rows(new, max(ledger.heard_at.values()))
        connection = await raw(session)
        if len(rows) <= FEW:
            await connection.executemany(_STORE_FEW, rows)
        else:
            await connection.copy_records_to_table("work", columns=_NEW, records=rows)
    changed = [work for work in touched if not work.is_new or not _is_plain(work)]
    if changed:
        await session.execute(_STORE_CHANGED, _columns(changed))
    aliases = [
        {
            "road": road,
            "kind": work.kind,
            "sender_id": sender_id,
            "child_id": work.child_id,
            "assessment_id": work.assessment_id,
        }
        for work in touched
        for road, sender_id in work.new_aliases
    ]
    if aliases:
        await session.execute(_STORE_ALIASES, aliases)
    changes = [
        {
            "assessment_id": change.assessment_id,
            "version": change.version,
            "at": change.at,
            "road": change.road,
            "fields": json.dumps(change.fields),
        }
        for change in ledger.changes
    ]
    if changes:
        await session.execute(_STORE_CHANGES, changes)
    await staff.list_unknown(session, ledger.unknown, max(ledger.heard_at.values()))


async def _link(session: AsyncSession, ledger: Ledger, cases: dict[UUID, str]) -> list[Event]:
    """Link the children of whom work stands now and none stood; unlink those of whom nothing is left."""
    present = {child: case for child, case in cases.items() if any(work.said for work in ledger.works[child])}
    fresh = {child: case for child, case in present.items() if child not in ledger.linked}
    gone = [child for child in cases if child not in present and ledger.works[child]]
    linked = await links.link(session, fresh, ledger.heard_at)
    return [*linked, *await links.unlink(session, gone, ledger.heard_at)]


def _is_plain(work: Work) -> bool:
    """Whether a new piece was told once at most and not changed within its first batch."""
    return work.version <= 1 and not work.changed and work.withdrawn_at is None


def _new_rows(works: Iterable[Work], at: datetime) -> list[tuple[object, ...]]:
    return [
        (
            work.assessment_id,
            work.child_id,
            work.kind,
            work.started_on,
            work.road,
            work.sender_id,
            work.version,
            stored(work.said),
            work.digest,
            work.unmatched,
            at,
        )
        for work in works
    ]


def _columns(works: Sequence[Work]) -> dict[str, list[object]]:
    return {
        "assessment_id": [work.assessment_id for work in works],
        "started_on": [work.started_on for work in works],
        "version": [work.version for work in works],
        "said": [stored(work.said) for work in works],
        "digest": [work.digest for work in works],
        "unmatched": ["\x1f".join(work.unmatched) for work in works],
        "changed": ["\x1f".join(work.changed) for work in works],
        "withdrawn_road": [work.withdrawn_road for work in works],
        "withdrawn_version": [work.withdrawn_version for work in works],
        "withdrawn_at": [work.withdrawn_at for work in works],
    }
