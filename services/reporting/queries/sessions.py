"""Support sessions: those of one person's day, and the meetings with managers that the programme counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.reporting.domain.facts import SessionStatus
from services.reporting.domain.trends import week_start
from services.reporting.models import SupportSession
from shared.access import Role, Scope
from shared.clock import LONDON
from shared.working_days import local_date

SEES_MEETINGS = (Role.LEAD_AUDITOR, Role.BUSINESS_SUPPORT, Role.QA_MANAGER, Role.DCS)
"""Who may be shown how often each manager was met; the same as in remedial."""
WEEKS = 8
"""Weeks on one page, so that the table fits on it."""


@dataclass(frozen=True)
class SessionLine:
    """One session of somebody's day."""

    session_id: UUID
    kind: str
    starts_at: datetime
    minutes: int
    leader_id: str
    attendees: tuple[str, ...]

    @property
    def href(self) -> str:
        return f"/remedial/sessions/{self.session_id}"


@dataclass(frozen=True)
class Day:
    """A person's sessions of today, and the next one where there is none today."""

    today: Sequence[SessionLine]
    following: SessionLine | None


@dataclass(frozen=True)
class Meetings:
    """How often each manager was met in each of these weeks, and in all weeks of the programme of meetings."""

    weeks: Sequence[date]
    managers: Sequence[str]
    counted: Counter[tuple[str, date]]
    in_all: Counter[str]
    number: int
    pages: int


async def day_of(session: AsyncSession, scope: Scope, now: datetime) -> Day:
    """The sessions that this person leads or attends: today's, else the next that is planned."""
    today = local_date(now)
    starts, ends = _midnight(today), _midnight(today + timedelta(days=1))
    own = sa.and_(_own(scope), col(SupportSession.starts_at).is_not(None))
    of_today = sa.and_(own, col(SupportSession.state) != SessionStatus.CANCELLED)
    found = await _lines(
        session, of_today, col(SupportSession.starts_at) >= starts, col(SupportSession.starts_at) < ends
    )
    if found:
        return Day(found, None)
    planned = sa.and_(own, col(SupportSession.state) == SessionStatus.PLANNED)
    later = await _lines(session, planned, col(SupportSession.starts_at) >= ends, most=1)
    return Day((), later[0] if later else None)


async def _lines(session: AsyncSession, *conditions: sa.ColumnElement[bool], most: int = 20) -> list[SessionLine]:
    query = sa.select(SupportSession).where(*conditions).order_by(col(SupportSession.starts_at)).limit(most)
    return [
        SessionLine(row.session_id, row.kind, row.starts_at, row.minutes, row.leader_id or "", tuple(row.attendees))
        for row in (await session.execute(query)).scalars()
        if row.starts_at is not None
    ]


def _own(scope: Scope) -> sa.ColumnElement[bool]:
    attends = col(SupportSession.attendees).contains([scope.person_id])
    return sa.or_(col(SupportSession.leader_id) == scope.person_id, attends)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), LONDON)


async def meetings(session: AsyncSession, scope: Scope, now: datetime, number: int = 1) -> Meetings:
    """The meetings held, by manager and week, the latest weeks on the first page; nothing for who may not count."""
    local = sa.func.timezone("Europe/London", col(SupportSession.starts_at))
    met = (
        sa.select(
            sa.func.jsonb_array_elements_text(col(SupportSession.managers)).label("manager"),
            sa.cast(sa.func.date_trunc("week", local), sa.Date).label("monday"),
        )
        .where(col(SupportSession.state) == SessionStatus.HELD, sa.literal(scope.has(*SEES_MEETINGS)))
        .subquery()
    )
    query = sa.select(met.c.manager, met.c.monday, sa.func.count()).group_by(met.c.manager, met.c.monday)
    counted = Counter({(str(who), week): many for who, week, many in await session.execute(query)})
    in_all: Counter[str] = Counter()
    for (who, _), many in counted.items():
        in_all[who] += many
    last = week_start(local_date(now))
    first = min((week for _, week in counted), default=last)
    pages = (last - first).days // (7 * WEEKS) + 1
    newest = last - timedelta(weeks=WEEKS * (number - 1))
    weeks = [newest - timedelta(weeks=back) for back in range(WEEKS - 1, -1, -1)]
    return Meetings(weeks, sorted(in_all), counted, in_all, number, max(1, pages))
