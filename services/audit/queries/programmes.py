"""How a programme stands: targets against what was drawn and done. Counts, no case and no narrative."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.domain.forecast import Forecast, Outlook, forecast
from services.audit.domain.hours import WeekOfWork, weeks_of_work
from services.audit.domain.programme import Programme
from services.audit.models import (
    OPEN_STATES,
    Audit,
    AuditState,
    ProgrammeRow,
    ProgrammeVersion,
    Readiness,
    ThemeRow,
    ThemeWeekRow,
)
from services.audit.standings import parse_plan
from shared.access import Role, Scope


@dataclass(frozen=True, slots=True)
class ThemeProgress:
    """Targets against what was drawn and done, for one theme."""

    theme: ThemeRow
    weeks: list[ThemeWeekRow]
    sampled: int
    completed: int
    near_live: int
    by_hand: int
    re_audits: int
    red: int
    amber: int
    green: int

    @property
    def open_week(self) -> ThemeWeekRow | None:
        """The week that is open now, if any."""
        return next((week for week in self.weeks if not week.closed), None)

    def outlook(self, plan: Programme) -> Outlook:
        """What a forecast needs to know of the theme."""
        week = self.open_week or self.weeks[-1]
        return Outlook(
            target=self.theme.target,
            done=self.theme.done,
            week=week.week,
            weeks=plan.weeks,
            arrived=week.arrivals,
            drawn=week.drawn,
            earlier=[each.arrivals for each in self.weeks if each.closed],
            estimate=plan.theme(self.theme.theme_id).expected_a_week,
        )


@dataclass(frozen=True, slots=True)
class AuditorProgress:
    """How one auditor stands."""

    person: str
    hours_a_week: float
    waiting: int
    late: int
    completed: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How a programme stands."""

    row: ProgrammeRow
    plan: Programme
    versions: list[ProgrammeVersion]
    themes: list[ThemeProgress]
    auditors: list[AuditorProgress]

    @property
    def outlooks(self) -> dict[str, Forecast]:
        """Where each theme that has an open week will end; the same figures for the same state."""
        return {
            each.theme.theme_id: forecast(each.outlook(self.plan), random.Random(str(self.row.programme_id)))  # noqa: S311
            for each in self.themes
            if each.open_week is not None
        }

    @property
    def work(self) -> list[WeekOfWork]:
        """The auditors' hours beside what the targets ask for, week by week."""
        return weeks_of_work(self.plan)

    @property
    def target(self) -> int:
        """How many audits are wanted in all."""
        return sum(each.theme.target for each in self.themes)

    @property
    def sampled(self) -> int:
        """How many cases are in the sample."""
        return sum(each.sampled for each in self.themes)

    @property
    def completed(self) -> int:
        """How many audits are complete."""
        return sum(each.completed for each in self.themes)

    @property
    def near_live(self) -> float | None:
        """The share of the sample drawn within the near-live window; none where nothing was finished work."""
        if self.samples_open_cases or not self.sampled:
            return None
        return sum(each.near_live for each in self.themes) / self.sampled

    @property
    def samples_open_cases(self) -> bool:
        """Whether the cases were open when they were drawn, so that none of them has an age."""
        return self.plan.source == "frame"


SEES_PROGRAMMES = (
    Role.AUDITOR,
    Role.INTERNAL_AUDITOR,
    Role.LEAD_AUDITOR,
    Role.QA_MANAGER,
    Role.ADMINISTRATOR,
    Role.HEAD_OF_SERVICE,
    Role.DCS,
)


async def programme_rows(session: AsyncSession, scope: Scope) -> list[ProgrammeRow]:
    """Every programme, the newest first."""
    if not scope.has(*SEES_PROGRAMMES):
        return []
    rows = await session.execute(
        sa.select(ProgrammeRow).order_by(col(ProgrammeRow.opens_on).desc(), col(ProgrammeRow.name))
    )
    return list(rows.scalars())


async def progress(session: AsyncSession, scope: Scope, programme_id: UUID, today: date) -> Progress | None:
    """One programme's targets against what is done, by theme, week and auditor: counts, no case and no narrative."""
    row = await session.get(ProgrammeRow, programme_id)
    if row is None or not scope.has(*SEES_PROGRAMMES):
        return None
    plan = parse_plan(row.body)
    versions = await session.execute(
        sa.select(ProgrammeVersion)
        .where(col(ProgrammeVersion.programme_id) == programme_id)
        .order_by(col(ProgrammeVersion.number).desc())
    )
    return Progress(
        row,
        plan,
        list(versions.scalars()),
        await _themes(session, plan),
        await _auditors(session, plan, today),
    )


async def _themes(session: AsyncSession, plan: Programme) -> list[ThemeProgress]:
    themes = await session.execute(
        sa.select(ThemeRow).where(col(ThemeRow.programme_id) == plan.programme_id).order_by(col(ThemeRow.position))
    )
    weeks = await session.execute(
        sa.select(ThemeWeekRow)
        .where(col(ThemeWeekRow.programme_id) == plan.programme_id)
        .order_by(col(ThemeWeekRow.week))
    )
    by_theme: dict[str, list[ThemeWeekRow]] = {}
    for week in weeks.scalars():
        by_theme.setdefault(week.theme_id, []).append(week)
    counts = await _counts(session, plan)
    return [
        ThemeProgress(theme, by_theme.get(theme.theme_id, []), *counts.get(theme.theme_id, (0, 0, 0, 0, 0, 0, 0, 0)))
        for theme in themes.scalars()
    ]


async def _counts(session: AsyncSession, plan: Programme) -> dict[str, tuple[int, ...]]:
    stands = col(Audit.state).not_in((AuditState.RETURNED, AuditState.WITHDRAWN))
    done = col(Audit.state) == AuditState.COMPLETED
    drawn = sa.and_(stands, ~col(Audit.by_hand))
    window = col(Audit.sampled_on) - col(Audit.authorised_on) <= (plan.near_live_days or 7)
    first = col(Audit.re_audit_of).is_(None)
    ratings = [sa.func.count().filter(done, first, col(Audit.rag) == colour) for colour in ("red", "amber", "green")]
    rows = await session.execute(
        sa.select(
            col(Audit.theme_id),
            sa.func.count().filter(drawn),
            sa.func.count().filter(done, ~col(Audit.by_hand)),
            sa.func.count().filter(drawn, window),
            sa.func.count().filter(stands, col(Audit.by_hand), first),
            sa.func.count().filter(stands, ~first),
            *ratings,
        )
        .where(col(Audit.programme_id) == plan.programme_id)
        .group_by(col(Audit.theme_id))
    )
    return {row[0]: tuple(row[1:]) for row in rows}


async def _auditors(session: AsyncSession, plan: Programme, today: date) -> list[AuditorProgress]:
    waiting = col(Audit.state).in_(OPEN_STATES)
    rows = await session.execute(
        sa.select(
            col(Audit.auditor_id),
            sa.func.count().filter(waiting),
            sa.func.count().filter(waiting, col(Audit.due_on) < today),
            sa.func.count().filter(col(Audit.state) == AuditState.COMPLETED),
        )
        .where(col(Audit.programme_id) == plan.programme_id)
        .group_by(col(Audit.auditor_id))
    )
    counts = {row[0]: tuple(row[1:]) for row in rows}
    return [
        AuditorProgress(each.person, each.hours_a_week, *counts.get(each.person, (0, 0, 0))) for each in plan.auditors
    ]


async def readiness(session: AsyncSession, scope: Scope, programme_id: UUID) -> dict[str, Readiness]:
    """The ticked items of a programme's checklist."""
    if not scope.has(*SEES_PROGRAMMES):
        return {}
    rows = await session.execute(sa.select(Readiness).where(col(Readiness.programme_id) == programme_id))
    return {row.item: row for row in rows.scalars()}
