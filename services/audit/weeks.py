"""Days turn: theme-weeks that ended are closed and filled, the next ones opened, a programme that is over closed."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.audit import audits, frames, moves, theme_weeks
from services.audit.domain.sampling import week_of
from services.audit.models import ProgrammeRow, ProgrammeState
from services.audit.standings import Standing, in_force
from shared.events import DayOpened, Event, ProgrammeClosed


async def turn(session: AsyncSession, opened: DayOpened) -> list[Event]:
    """Bring every open programme to this day. A day that comes late or twice changes nothing."""
    happened: list[Event] = []
    for standing in await in_force(session):
        if opened.day < standing.day:
            continue
        row = await session.get_one(ProgrammeRow, standing.programme_id, with_for_update=True, populate_existing=True)
        row.day = standing.day = opened.day
        await session.flush()
        happened += await turn_programme(session, standing, opened.day, opened.occurred_at)
        happened += await moves.reassign_absent(session, standing.plan, opened.day, opened.occurred_at)
        if opened.day > standing.plan.closes_on:
            happened.append(_close(row, opened.occurred_at))
    return happened


async def turn_programme(session: AsyncSession, standing: Standing, day: date, at: datetime) -> list[Event]:
    """Close the weeks that lie before the day's week and open those of the day's week."""
    plan = standing.plan
    if day < plan.opens_on:
        return []
    week = week_of(day, plan.opens_on)
    happened: list[Event] = []
    for draw in list(standing.themes.values()):
        if draw.week.week < week:
            events, drawn = await theme_weeks.close_week(session, standing, draw, at)
            happened += [*events, *await audits.open_audits(session, plan, drawn, at)]
            del standing.themes[draw.theme_id]
    if day <= plan.closes_on:
        fresh = [theme.theme for theme in plan.themes if theme.theme not in standing.themes]
        for theme_id in fresh:
            happened.append(await theme_weeks.open_week(session, standing, theme_id, week, at))
        if plan.source == "frame":
            happened += await frames.sample(session, standing, fresh, at)
    return happened


def _close(row: ProgrammeRow, at: datetime) -> ProgrammeClosed:
    row.version += 1
    row.state = ProgrammeState.CLOSED
    return ProgrammeClosed(occurred_at=at, version=row.version, programme_id=row.programme_id)
