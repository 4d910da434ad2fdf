"""Words: what people wrote about a finding, a report or a reason. They live apart from events, and can be erased.

Remedial keeps a copy of the compacted topic of texts. What it writes itself stands in the copy at once, so that whoever
wrote it sees it, and travels as `TextWritten` like everybody else's.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial.models import Text
from shared.events import TextErased, TextWritten

MISSING = "The words have not arrived yet."
ERASED = "The words were erased at the council's request."


@dataclass(frozen=True)
class Words:
    """The passages under one id, or why there are none."""

    parts: Mapping[str, str] = field(default_factory=dict)
    erased: bool = False

    @property
    def placeholder(self) -> str:
        """What a page shows in place of a passage."""
        return ERASED if self.erased else MISSING

    def __getitem__(self, part: str) -> str:
        return self.parts.get(part, "")

    def __bool__(self) -> bool:
        return bool(self.parts)


async def words_of(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, Words]:
    """The words under each id; an empty `Words` where none have come or they are gone."""
    rows = await session.execute(sa.select(Text).where(col(Text.text_id).in_(ids)))
    found = {row.text_id: Words(row.parts, row.erased) for row in rows.scalars()}
    return {each: found.get(each, Words()) for each in ids}


async def are_erased(session: AsyncSession, text_id: UUID) -> bool:
    """Whether the words under this id were erased, so that none may stand there again."""
    erased = sa.select(col(Text.erased)).where(col(Text.text_id) == text_id)
    return bool((await session.execute(erased)).scalar_one_or_none())


async def write(
    session: AsyncSession, text_id: UUID, about: UUID, parts: Mapping[str, str], now: datetime
) -> list[TextWritten]:
    """Keep the passages under the id and say so. What stood there in an earlier version stays beside it, numbered.

    Nothing is kept, and nothing said, under an id whose words were erased: the tombstone stays the last of its key.
    """
    held = await session.get(Text, text_id, populate_existing=True)
    if held is not None and held.erased:
        return []
    version = held.version + 1 if held else 1
    kept = _kept(held.parts) if held else {}
    written = TextWritten(occurred_at=now, version=version, text_id=text_id, about=about, parts={**kept, **parts})
    await keep(session, written)
    return [written]


def _kept(earlier: Mapping[str, str]) -> dict[str, str]:
    """The passages of an earlier report, renamed `done.1`, so that a second report takes nothing away."""
    rounds = [int(name.rpartition(".")[2]) for name in earlier if "." in name]
    number = max(rounds, default=0) + 1
    return {name if "." in name else f"{name}.{number}": words for name, words in earlier.items()}


async def keep(session: AsyncSession, event: TextWritten | TextErased) -> None:
    """Fold one event into the copy. An older version never replaces a newer one; an erasure leaves its mark for good.

    Whatever its version: words that come late, or again, are not what the council asked to have back.
    """
    is_written = isinstance(event, TextWritten)
    statement = insert(Text).values(
        text_id=event.text_id,
        about=event.about if isinstance(event, TextWritten) else None,
        version=event.version,
        parts=event.parts if isinstance(event, TextWritten) else {},
        erased=not is_written,
    )
    new = statement.excluded
    fresh = {"version": new.version, "parts": new.parts, "erased": new.erased, "about": new.about}
    still_holds = sa.and_(col(Text.version) <= new.version, col(Text.erased).is_(False)) if is_written else sa.true()
    await session.execute(statement.on_conflict_do_update(index_elements=["text_id"], set_=fresh, where=still_holds))
