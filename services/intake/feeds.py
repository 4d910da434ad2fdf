"""How each road by which something comes is doing: when it was last heard, how much, and whether it fell silent.

Who takes something in only notes it (`note`), so that two replicas never wait for each other; the ticker folds the
notes into one row for each feed and says what came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import metrics
from services.intake.domain.ledger import Outcome
from services.intake.domain.refusal import Refusal
from shared.events import Event, FeedReceived, FeedResumed

_NOTE = sa.text(
    "INSERT INTO feed_arrival (feed, road, at, accepted, duplicate, quarantined) "
    "VALUES (:feed, :road, :at, :accepted, :duplicate, :quarantined)"
)

_TAKE = sa.text(
    "WITH taken AS (DELETE FROM feed_arrival RETURNING feed, road, at, accepted, duplicate, quarantined) "
    "SELECT feed, road, max(at) AS at, sum(accepted)::bigint AS accepted, sum(duplicate)::bigint AS duplicate, "
    "sum(quarantined)::bigint AS quarantined FROM taken GROUP BY feed, road ORDER BY feed"
)

_KNOWN = sa.text("SELECT version, silent_since FROM feed WHERE feed = :feed FOR UPDATE")

_FOLD = sa.text(
    "INSERT INTO feed AS known (feed, road, version, last_heard_at, accepted, duplicate, quarantined) "
    "VALUES (:feed, :road, :version, :at, :accepted, :duplicate, :quarantined) "
    "ON CONFLICT (feed) DO UPDATE SET version = excluded.version, accepted = known.accepted + excluded.accepted, "
    "duplicate = known.duplicate + excluded.duplicate, quarantined = known.quarantined + excluded.quarantined, "
    "last_heard_at = greatest(known.last_heard_at, excluded.last_heard_at), silent_since = NULL"
)


def tally(outcomes: Iterable[Outcome | Refusal], fresh: Iterable[bool]) -> Counter[str]:
    """What statements came to: `fresh` says of each refusal, in order, whether it was new to quarantine."""
    settled = iter(fresh)
    return Counter(
        str(outcome) if isinstance(outcome, Outcome) else ("quarantined" if next(settled) else "duplicate")
        for outcome in outcomes
    )


async def note(session: AsyncSession, feed: str, road: str, counts: Counter[str], at: datetime) -> None:
    """Note what a feed brought, at the time of its arrival here."""
    for outcome, count in counts.items():
        metrics.STATEMENTS.labels(str(road), outcome).inc(count)
    brought = {name: counts.get(name, 0) for name in ("accepted", "duplicate", "quarantined")}
    await session.execute(_NOTE, {"feed": feed, "road": str(road), "at": at, **brought})


async def fold(session: AsyncSession) -> list[Event]:
    """Fold what was noted since, and say what each feed brought; a feed that was silent is back."""
    events: list[Event] = []
    for row in (await session.execute(_TAKE)).all():
        known = (await session.execute(_KNOWN, {"feed": row.feed})).first()
        version = (known.version if known else 0) + 1
        if known is not None and known.silent_since is not None:
            events.append(FeedResumed(occurred_at=row.at, version=version, sender=row.feed))
            version += 1
        brought = {name: row._mapping[name] for name in ("accepted", "duplicate", "quarantined")}
        values = {"feed": row.feed, "road": row.road, "version": version, "at": row.at, **brought}
        await session.execute(_FOLD, values)
        events.append(FeedReceived(occurred_at=row.at, version=version, sender=row.feed, **brought))
    return events
