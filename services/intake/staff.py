"""The staff directory in the database: read whole and kept until it changes; what it lacks is listed to be resolved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from weakref import WeakKeyDictionary

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.intake.domain.directory import Directory, spelling
from shared.access.tables import PERSON, TEAM
from shared.db import raw
from shared.events import TeamMembership

STAMP = (
    "((SELECT count(*) || '.' || coalesce(sum(version), 0) FROM person) || '/' || "
    "(SELECT count(*) || '.' || coalesce(sum(version), 0) FROM team) || '/' || "
    "(SELECT count(*) || '.' || count(told_at) || '.' || coalesce(sum(hashtext(kind || stand_in || stands_for)), 0) "
    "FROM spelling))"
)
"""An expression that differs when the directory does."""

_LIST = sa.text(
    "INSERT INTO spelling (kind, stand_in, shown, first_seen_at) "
    "SELECT kind, stand_in, shown, :at FROM unnest(CAST(:kinds AS text[]), CAST(:stand_ins AS text[]), "
    "CAST(:shown AS text[])) AS fresh(kind, stand_in, shown) ORDER BY 1, 2 "
    "ON CONFLICT (kind, stand_in) DO UPDATE SET told_at = NULL WHERE spelling.told_at IS NOT NULL"
)

UNMATCHED = (
    "(SELECT unnest(unmatched) AS key FROM work WHERE unmatched <> '{}' "
    "UNION ALL SELECT 'worker:' || stand_in FROM spelling JOIN episode ON worker_id = stand_in "
    "WHERE spelling.kind = 'worker' AND told_at IS NULL AND stands_for IS NULL "
    "UNION ALL SELECT 'team:' || stand_in FROM spelling JOIN episode ON team_id = stand_in "
    "WHERE spelling.kind = 'team' AND told_at IS NULL AND stands_for IS NULL)"
)
"""A table of the keys (`worker:…`, `team:…`) that the directory lacks, once for each piece of work or plan."""

_SPELLINGS = sa.text("SELECT kind, stand_in, shown, stands_for, told_at FROM spelling")

_KEPT: WeakKeyDictionary[object, tuple[str, Directory]] = WeakKeyDictionary()
"""The directory of each database, with the stamp under which it was read."""


async def directory(session: AsyncSession, stamp: str | None = None) -> Directory:
    """The directory as this transaction sees it, which may know its stamp; read again only when that has changed."""
    stamp = stamp or str(await (await raw(session)).fetchval(f"SELECT {STAMP}"))
    database = _database(session)
    kept = _KEPT.get(database)
    if kept is not None and kept[0] == stamp:
        return kept[1]
    read = await _read(session)
    _KEPT[database] = (stamp, read)
    return read


async def list_unknown(session: AsyncSession, unknown: Mapping[tuple[str, str], str], at: datetime) -> None:
    """List workers and teams that the directory lacks, once each, for business support to resolve."""
    if not unknown:
        return
    kinds, stand_ins = zip(*unknown, strict=True)
    values = {"kinds": list(kinds), "stand_ins": list(stand_ins), "shown": list(unknown.values()), "at": at}
    await session.execute(_LIST, values)


def _database(session: AsyncSession) -> object:
    bind = session.bind
    return bind.sync_engine if isinstance(bind, AsyncEngine) else session.get_bind().engine


async def _read(session: AsyncSession) -> Directory:
    people = (await session.execute(sa.select(PERSON.c.person_id, PERSON.c.name, PERSON.c.teams))).all()
    teams = (await session.execute(sa.select(TEAM.c.team_id, TEAM.c.name))).all()
    spellings = (await session.execute(_SPELLINGS)).all()
    workers_spelled = _unambiguous((name, key) for key, name, _ in people)
    teams_spelled = _unambiguous((name, key) for key, name in teams)
    for kind, _, shown, stands_for, _ in spellings:
        if stands_for is not None:
            (workers_spelled if kind == "worker" else teams_spelled)[spelling(shown)] = stands_for
    return Directory(
        memberships={key: msgspec.convert(held, list[TeamMembership]) for key, _, held in people},
        workers_spelled=workers_spelled,
        teams=frozenset(key for key, _ in teams),
        teams_spelled=teams_spelled,
        listed=frozenset((kind, stand_in) for kind, stand_in, _, _, told_at in spellings if told_at is None),
    )


def _unambiguous(names: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Spellings that stand for exactly one id: two people of one name are nobody's guess."""
    found: dict[str, str | None] = {}
    for name, key in names:
        compared = spelling(name)
        found[compared] = key if compared not in found else None
    return {compared: key for compared, key in found.items() if key is not None}
