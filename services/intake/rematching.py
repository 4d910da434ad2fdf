"""Tells anew what the directory has come to know: cases whose worker or team was unmatched when they came.

A person may be recorded by a file, on a page or by resolving a spelling, and a batch in flight may not have seen it:
so this looks from time to time, instead of hanging on every way in.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import episodes, metrics, recording, staff
from services.intake.domain.ledger import Ledger
from shared.events import Event, WorkersUnmatched

SENDER = "intake"
AT_ONCE = 500
"""Children looked at in one transaction; the next tick goes on."""

_WAITING = sa.text("SELECT kind, stand_in, shown FROM spelling WHERE told_at IS NULL")
_CHILDREN = sa.text(
    "SELECT DISTINCT child_id FROM work WHERE unmatched <> '{}' AND unmatched && CAST(:known AS text[]) LIMIT :at_once"
)
_TOLD = sa.text(
    "UPDATE spelling SET told_at = :now WHERE told_at IS NULL AND kind || ':' || stand_in = ANY(CAST(:known AS text[]))"
)


_COUNT = sa.text(
    "SELECT count(DISTINCT key) FILTER (WHERE key LIKE 'worker:%') AS workers, "  # noqa: S608 - what is put into it is our own
    "count(DISTINCT key) FILTER (WHERE key LIKE 'team:%') AS teams "
    f"FROM {staff.UNMATCHED} AS named"
)
_COUNTED = sa.text(
    "INSERT INTO unmatched_count AS known (only_row, version, workers, teams) VALUES (true, 1, :workers, :teams) "
    "ON CONFLICT (only_row) DO UPDATE SET version = known.version + 1, workers = excluded.workers, "
    "teams = excluded.teams WHERE (known.workers, known.teams) IS DISTINCT FROM (excluded.workers, excluded.teams) "
    "RETURNING version"
)


async def count(session: AsyncSession, now: datetime) -> list[Event]:
    """How many workers and teams are unmatched; told only when that has changed."""
    found = (await session.execute(_COUNT)).one()
    metrics.UNMATCHED.labels("worker").set(found.workers)
    metrics.UNMATCHED.labels("team").set(found.teams)
    values = {"workers": found.workers, "teams": found.teams}
    version = (await session.execute(_COUNTED, values)).scalar()
    return [] if version is None else [WorkersUnmatched(occurred_at=now, version=version, sender=SENDER, **values)]


async def rematch(session: AsyncSession, keys: tuple[str, bytes], now: datetime) -> list[Event]:
    """Tell anew the work of some children whose worker or team is known now; nothing where there is none."""
    known = await _known_now(session)
    if not known:
        return []
    # What is still being taken in under the directory as it was is waited for: it would never be told anew.
    await session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('intake.directory'))"))
    children = list((await session.execute(_CHILDREN, {"known": list(known), "at_once": AT_ONCE})).scalars())
    council, key = keys
    if not children:
        await session.execute(_TOLD, {"known": list(known), "now": now})
        return await episodes.resolve(session, council, known, now)
    ledger = Ledger(council, key, all_anew=True, heard_at=dict.fromkeys(children, now))
    await recording.lock_children(session, children)
    await recording.load(session, ledger, children)
    events: list[Event] = list(ledger.settle())
    await recording.store(session, ledger)
    return events


async def _known_now(session: AsyncSession) -> dict[str, str]:
    """Who was unmatched and is none now, as cases are matched: their keys (`worker:…`, `team:…`) and whom each means.

    By the directory's own rule. One that knew more than the directory looked at the same cases for good, while those
    behind them waited.
    """
    directory = await staff.directory(session)
    known: dict[str, str] = {}
    for kind, stand_in, shown in await session.execute(_WAITING):
        means = directory.worker if kind == "worker" else directory.team
        found = means(shown, None) if shown == stand_in else means(None, shown)
        if found.id is not None and found.unknown is None:
            known[f"{kind}:{stand_in}"] = found.id
    return known
