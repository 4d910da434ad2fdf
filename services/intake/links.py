"""The case system's id of each child: known while anything stands of the child, and erased with the last of it.

What stands is finished work, or a plan, a placement or a case around it: an auditor may have to find either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import column, raw
from shared.events import ChildLinked, ChildUnlinked, Event

_LINK = (
    "INSERT INTO child (child_id, case_id, version) "
    "SELECT child_id, case_id, 1 FROM unnest(string_to_array($1, chr(31))::uuid[], string_to_array($2, chr(31))) "
    "AS fresh(child_id, case_id) ON CONFLICT DO NOTHING RETURNING child_id"
)

_UNLINK = (
    "DELETE FROM child WHERE child_id = ANY(string_to_array($1, chr(31))::uuid[]) "
    "AND NOT EXISTS (SELECT FROM work WHERE work.child_id = child.child_id AND work.said::text <> '{}') "
    "AND NOT EXISTS (SELECT FROM episode WHERE episode.child_id = child.child_id) RETURNING child_id, version"
)


async def link(session: AsyncSession, cases: Mapping[UUID, str], heard_at: Mapping[UUID, datetime]) -> list[Event]:
    """Keep the ids of these children, of whom something stands; what follows for those that were not linked."""
    if not cases:
        return []
    rows = await (await raw(session)).fetch(_LINK, column(cases), column(cases.values()))
    linked = [row["child_id"] for row in rows]
    return [ChildLinked(occurred_at=heard_at[child], child_id=child, case_id=cases[child]) for child in linked]


async def unlink(session: AsyncSession, children: Iterable[UUID], heard_at: Mapping[UUID, datetime]) -> list[Event]:
    """Forget the ids of those of these children of whom nothing stands any more."""
    asked = sorted(children)
    if not asked:
        return []
    return [
        ChildUnlinked(occurred_at=heard_at[child], version=version + 1, child_id=child)
        for child, version in await (await raw(session)).fetch(_UNLINK, column(asked))
    ]
