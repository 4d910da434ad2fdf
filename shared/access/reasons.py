"""A case opened with a reason: who may see every case says first why they open this one.

The reason is a line of the trail and stands in no address and no history. Every look within half an hour carries it;
after that the person is asked again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from shared.access import trail
from shared.access.scope import Scope
from shared.access.tables import TRAIL

MINUTES = 30
STANDS = timedelta(minutes=MINUTES)
"""How long a reason lets somebody come back to the case. By the wall clock, like a session."""


class Reason(BaseModel):
    """Why somebody opens a case, as they submit it."""

    why: str = Field(title="Reason", max_length=500, json_schema_extra={"error": "Say why you are opening this case"})


@dataclass(frozen=True)
class Given:
    """A reason that still stands."""

    why: str
    until: datetime


async def give(session: AsyncSession, scope: Scope, what: str, object_id: object, reason: Reason) -> None:
    """Record why this person opens the case, in the caller's transaction."""
    await trail.record(session, scope, _opened(what), object_id, reason.why)


async def given(session: AsyncSession, scope: Scope, what: str, object_id: object) -> Given | None:
    """The last reason that this person gave for this case, if it still stands."""
    query = (
        sa.select(TRAIL.c.why, TRAIL.c.at)
        .where(
            TRAIL.c.object_id == str(object_id),
            TRAIL.c.person_id == scope.person_id,
            TRAIL.c.what == _opened(what),
            TRAIL.c.at > sa.func.clock_timestamp() - STANDS,
        )
        .order_by(TRAIL.c.at.desc())
        .limit(1)
    )
    row = (await session.execute(query)).first()
    return Given(row.why, row.at + STANDS) if row is not None else None


def _opened(what: str) -> str:
    return f"{what} opened"
