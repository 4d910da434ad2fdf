"""The trail: who read which narrative, who took which export, and why where a reason is asked for."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from shared.access.scope import Scope
from shared.access.tables import TRAIL


async def record(session: AsyncSession, scope: Scope, what: str, object_id: object, why: str = "") -> None:
    """Leave a trace in the caller's transaction, so that nothing is shown which left none."""
    await session.execute(
        sa.insert(TRAIL).values(person_id=scope.person_id, what=what, object_id=str(object_id), why=why)
    )


async def record_all(session: AsyncSession, scope: Scope, what: str, object_ids: Collection[object]) -> None:
    """Leave a trace of each of several narratives that one page shows together."""
    rows = [{"person_id": scope.person_id, "what": what, "object_id": str(each)} for each in object_ids]
    if rows:
        await session.execute(sa.insert(TRAIL), rows)
