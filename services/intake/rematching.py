"""Tells anew what the directory has come to know: cases whose worker or team was unmatched when they came.

A person may be recorded by a file, on a page or by resolving a spelling, and a batch in flight may not have seen it:
so this looks from time to time, instead of hanging on every way in.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import recording
from services.intake.domain.ledger import Ledger
from shared.events import Event

AT_ONCE = 500
"""Children looked at in one transaction; the next tick goes on."""

_KNOWN_NOW = sa.text(
    "SELECT spelling.kind || ':' || spelling.stand_in FROM spelling WHERE spelling.told_at IS NULL AND ("
    "spelling.stands_for IS NOT NULL "
    "OR (spelling.kind = 'worker' AND EXISTS (SELECT FROM person WHERE person_id = spelling.stand_in)) "
    "OR (spelling.kind = 'team' AND EXISTS (SELECT FROM team WHERE team_id = spelling.stand_in)))"
)
_CHILDREN = sa.text(
    "SELECT DISTINCT child_id FROM work WHERE unmatched <> '{}' AND unmatched && CAST(:known AS text[]) LIMIT :at_once"
)
_TOLD = sa.text(
    "UPDATE spelling SET told_at = :now WHERE told_at IS NULL AND kind || ':' || stand_in = ANY(CAST(:known AS text[]))"
)


async def rematch(session: AsyncSession, keys: tuple[str, bytes], now: datetime) -> list[Event]:
    """Tell anew the work of some children whose worker or team is known now; nothing where there is none."""
    known = list((await session.execute(_KNOWN_NOW)).scalars())
    if not known:
        return []
    children = list((await session.execute(_CHILDREN, {"known": known, "at_once": AT_ONCE})).scalars())
    if not children:
        await session.execute(_TOLD, {"known": known, "now": now})
        return []
    council, key = keys
    ledger = Ledger(council, key, all_anew=True, heard_at=dict.fromkeys(children, now))
    await recording.lock_children(session, children)
    await recording.load(session, ledger, children)
    events: list[Event] = list(ledger.settle())
    await recording.store(session, ledger)
    return events
