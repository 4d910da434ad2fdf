"""How each road by which something comes is doing: when it was last heard, how much, and whether it fell silent.

Who takes something in only notes it (`note`), so that two replicas never wait for each other; the ticker folds the
notes into one row for each feed and says what came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, time

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import metrics
from services.intake.domain.ledger import Outcome
from services.intake.domain.refusal import Refusal
from services.intake.domain.rhythm import LOOKED_BACK, is_silent
from shared.clock import LONDON
from shared.db import raw
from shared.events import Event, FeedEnded, FeedFellSilent, FeedReceived, FeedResumed
from shared.working_days import local_date

_NOTE = "INSERT INTO feed_arrival (feed, road, at, accepted, duplicate, quarantined) VALUES ($1, $2, $3, $4, $5, $6)"

_TAKE = sa.text(
    "WITH taken AS (DELETE FROM feed_arrival RETURNING feed, road, at, accepted, duplicate, quarantined) "
    "SELECT feed, road, min(at) AS first_at, max(at) AS at, sum(accepted)::bigint AS accepted, "
    "sum(duplicate)::bigint AS duplicate, sum(quarantined)::bigint AS quarantined "
    "FROM taken GROUP BY feed, road ORDER BY feed"
)

_KNOWN = sa.text("SELECT version, silent_since FROM feed WHERE feed = :feed FOR UPDATE")

_FOLD = sa.text(
    "INSERT INTO feed AS known (feed, road, version, last_heard_at, accepted, duplicate, quarantined) "
    "VALUES (:feed, :road, :version, :at, :accepted, :duplicate, :quarantined) "
    "ON CONFLICT (feed) DO UPDATE SET version = excluded.version, accepted = known.accepted + excluded.accepted, "
    "duplicate = known.duplicate + excluded.duplicate, quarantined = known.quarantined + excluded.quarantined, "
    "last_heard_at = greatest(known.last_heard_at, excluded.last_heard_at), silent_since = NULL"
)


_DAY = sa.text("INSERT INTO feed_day (feed, day, first_at) VALUES (:feed, :day, :at) ON CONFLICT DO NOTHING")

_DAYS = sa.text(
    "SELECT feed, day, first_at FROM feed_day WHERE day >= :since "
    "AND feed NOT IN (SELECT name FROM sender JOIN feed AS known ON known.feed = name AND known.road = 'dfe' "
    "WHERE revoked_at IS NOT NULL) ORDER BY feed, day"
)

_ENDED = sa.text(
    "SELECT revoked_at FROM sender WHERE name = :feed "
    "AND NOT EXISTS (SELECT FROM feed WHERE feed = :feed AND road <> 'dfe') FOR SHARE"
)

_CHANGE = sa.text(
    "UPDATE feed SET silent_since = NULL, version = version + 1 WHERE feed = :sender AND road = 'dfe' RETURNING version"
)

_SILENT = sa.text(
    "UPDATE feed SET silent_since = :now, version = version + 1 WHERE feed = :feed AND silent_since IS NULL "
    "RETURNING version, last_heard_at"
)


def tally(outcomes: Iterable[Outcome | Refusal], fresh: Iterable[bool]) -> Counter[str]:
    """What statements came to: `fresh` says of each refusal, in order, whether it was new to quarantine."""
    settled = iter(fresh)
    return Counter(
        outcome.counted if isinstance(outcome, Outcome) else ("quarantined" if next(settled) else "duplicate")
        for outcome in outcomes
    )


async def note(session: AsyncSession, feed: str, road: str, counts: Counter[str], at: datetime) -> None:
    """Note what a feed brought, at the time of its arrival here."""
    for outcome, count in counts.items():
        metrics.STATEMENTS.labels(str(road), outcome).inc(count)
    connection = await raw(session)
    brought = (counts.get(name, 0) for name in ("accepted", "duplicate", "quarantined"))
    await connection.execute(_NOTE, feed, str(road), at, *brought)


async def fold(session: AsyncSession) -> list[Event]:
    """Fold what was noted since, and say what each feed brought; a feed that was silent is back.

    What came just before its sender was revoked counts, and the feed has ended all the same.
    """
    events: list[Event] = []
    for row in (await session.execute(_TAKE)).all():
        ended_at = await _ended_at(session, row.feed)
        known = (await session.execute(_KNOWN, {"feed": row.feed})).first()
        version = (known.version if known else 0) + 1
        if known is not None and known.silent_since is not None:
            events.append(FeedResumed(occurred_at=row.at, version=version, sender=row.feed))
            version += 1
        brought = {name: row._mapping[name] for name in ("accepted", "duplicate", "quarantined")}
        events.append(FeedReceived(occurred_at=row.at, version=version, sender=row.feed, **brought))
        if ended_at is not None:
            version += 1
            events.append(FeedEnded(occurred_at=ended_at, version=version, sender=row.feed))
        values = {"feed": row.feed, "road": row.road, "version": version, "at": row.at, **brought}
        await session.execute(_FOLD, values)
        first = row.first_at.astimezone(LONDON)
        await session.execute(_DAY, {"feed": row.feed, "day": first.date(), "at": first.time()})
    return events


async def end(session: AsyncSession, sender: str, at: datetime) -> list[Event]:
    """Expect nothing of this sender any more; nothing is said of one that never sent."""
    changed = await session.execute(_CHANGE, {"sender": sender})
    return [FeedEnded(occurred_at=at, version=row.version, sender=sender) for row in changed]


async def resume(session: AsyncSession, sender: str, at: datetime) -> list[Event]:
    """Expect this sender again, whose feed had ended; nothing is said of one that never sent."""
    changed = await session.execute(_CHANGE, {"sender": sender})
    return [FeedResumed(occurred_at=at, version=row.version, sender=sender) for row in changed]


async def _ended_at(session: AsyncSession, feed: str) -> datetime | None:
    """Since when this feed's sender may send no more, if it may not.

    The sender is held until the transaction ends, so that none is revoked between this look and what is said of it.
    """
    return (await session.execute(_ENDED, {"feed": feed})).scalar_one_or_none()


async def first_heard(session: AsyncSession, today: date) -> dict[str, dict[date, time]]:
    """When each feed that may still come first came on each of its latest days, in London."""
    days: dict[str, dict[date, time]] = {}
    for row in await session.execute(_DAYS, {"since": today - LOOKED_BACK}):
        days.setdefault(row.feed, {})[row.day] = row.first_at
    return days


async def watch(session: AsyncSession, now: datetime) -> list[Event]:
    """Say which feeds have fallen silent: those that have a rhythm and have missed it today."""
    events: list[Event] = []
    for feed, heard in (await first_heard(session, local_date(now))).items():
        if not is_silent(heard, now) or await _ended_at(session, feed):
            continue
        fell = await session.execute(_SILENT, {"feed": feed, "now": now})
        events.extend(
            FeedFellSilent(occurred_at=now, version=row.version, sender=feed, last_heard_at=row.last_heard_at)
            for row in fell
        )
    silent = (await session.execute(sa.text("SELECT count(*) FROM feed WHERE silent_since IS NOT NULL"))).scalar_one()
    metrics.SILENT.set(silent)
    return events
