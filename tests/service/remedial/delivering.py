"""Events into remedial through the real consumer path, and what it says in return."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from services.remedial.handlers import router
from shared.access import people
from shared.db import sessions
from shared.events import Event, PersonRecorded, TeamRecorded
from shared.messaging.tables import OUTBOX
from tests.support import delivery


async def know(engine: AsyncEngine, *recorded: PersonRecorded | TeamRecorded) -> None:
    """Put people and teams into the service's copy."""
    async with sessions(engine)() as session, session.begin():
        await people.record_people(recorded, session)


async def deliver(engine: AsyncEngine, *events: Event) -> list[Event]:
    """Hand events of one topic to the service as one batch; what it said. Nothing may become a dead letter."""
    told = await delivery.deliver(engine, router, *events)
    async with engine.connect() as connection:
        assert (await connection.execute(sa.text("SELECT count(*) FROM dead_letter"))).scalar_one() == 0
    return told


async def said(engine: AsyncEngine) -> list[Event]:
    """What waits in the outbox, in order; it is empty afterwards."""
    told = await delivery.said(engine)
    async with engine.begin() as connection:
        await connection.execute(sa.delete(OUTBOX))
    return told
