"""The trail: who read which narrative, who took which export, and why where a reason is asked for."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from shared.access.scope import Scope
from shared.access.tables import TRAIL


async def record(session: AsyncSession, scope: Scope, what: str, object_id: object, why: str = "") -> None:
    """Leave a trace in the caller's transaction, so that nothing is shown which left none."""
    await session.execute(
        sa.insert(TRAIL).values(person_id=scope.person_id, what=what, object_id=str(object_id), why=why)
    )
