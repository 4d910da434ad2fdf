"""The calendar that deadlines are made with: bank holidays of England, and what was proclaimed since."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial.models import Holiday


async def proclaimed(session: AsyncSession) -> frozenset[date]:
    """The days off that the council entered beside the bank holidays."""
    return frozenset((await session.execute(sa.select(col(Holiday.day)))).scalars())
