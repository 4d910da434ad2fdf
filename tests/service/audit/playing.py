"""A programme played on real PostgreSQL: it is opened, work arrives, days pass; each step in its own transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from services.audit import opening, sampling, weeks
from services.audit.domain.programme import Programme
from services.audit.models import Audit, AuditState, DecisionRow, ThemeRow
from shared.access.people import record_people
from shared.db import sessions
from shared.events import (
    AssessmentRecorded,
    AssessmentWithdrawn,
    DayOpened,
    Event,
    PersonRecorded,
    TeamRecorded,
)
from shared.messaging import outbox
from tests.unit.audit.council import OPENS_ON, source

SECRET = b"the secret of the tests, which is long enough"
MORNING = datetime(OPENS_ON.year, OPENS_ON.month, OPENS_ON.day, 8, tzinfo=UTC)

Kind = TypeVar("Kind", bound=Event)


async def open_briefing(engine: AsyncEngine, text: str | None = None, at: datetime = MORNING) -> Programme:
    """The briefing's programme, in force since the morning of its first day."""
    async with sessions(engine)() as session, session.begin():
        plan, events = await opening.open_programme(
            session, text or source(), council="999", secret=SECRET, by="qa-1", at=at
        )
        await outbox.store(session, events)
    return plan


async def know(engine: AsyncEngine, *people: PersonRecorded | TeamRecorded) -> None:
    """People and teams reach this service."""
    async with sessions(engine)() as session, session.begin():
        await record_people(people, session)


def withdrawn(audit: Audit, *, version: int = 2, at: datetime = MORNING) -> AssessmentWithdrawn:
    """The sender purges the case of an audit."""
    return AssessmentWithdrawn(
        occurred_at=at,
        version=version,
        assessment_id=audit.assessment_id,
        child_id=audit.child_id,
        council="999",
        kind="assessment",
    )


async def arrive(engine: AsyncEngine, *events: AssessmentRecorded | AssessmentWithdrawn) -> list[Event]:
    """One batch arrives; what follows from it."""
    async with sessions(engine)() as session, session.begin():
        happened = await sampling.sample(session, events)
        await outbox.store(session, happened)
    return happened


async def day_opens(engine: AsyncEngine, day: date) -> list[Event]:
    """A day begins."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    async with sessions(engine)() as session, session.begin():
        happened = await weeks.turn(session, DayOpened(occurred_at=at, day=day))
        await outbox.store(session, happened)
    return happened


def monday(week: int) -> date:
    """The first day of a week of the programme."""
    return OPENS_ON + timedelta(weeks=week - 1)


def of_type(events: Sequence[Event], kind: type[Kind]) -> list[Kind]:
    """Those of one type."""
    return [event for event in events if isinstance(event, kind)]


async def audits(engine: AsyncEngine, *, standing: bool = True) -> list[Audit]:
    """The audits in the order of their draw; those given back or withdrawn only where asked for."""
    query = sa.select(Audit).order_by(col(Audit.sampled_on), col(Audit.audit_id))
    if standing:
        query = query.where(col(Audit.state).not_in((AuditState.RETURNED, AuditState.WITHDRAWN)))
    async with sessions(engine)() as session:
        return list((await session.execute(query)).scalars())


async def decisions(engine: AsyncEngine) -> list[DecisionRow]:
    """Every decision."""
    async with sessions(engine)() as session:
        return list((await session.execute(sa.select(DecisionRow))).scalars())


async def done(engine: AsyncEngine) -> dict[str, int]:
    """Each theme's counter."""
    async with sessions(engine)() as session:
        return {row.theme_id: row.done for row in (await session.execute(sa.select(ThemeRow))).scalars()}
