"""One week of a theme: opened with what it wants and its threshold, closed with the lowest priorities that wait."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit import draws, rulings
from services.audit.domain import sampling
from services.audit.domain.programme import family_unit
from services.audit.domain.sampling import Outcome
from services.audit.draws import Drawn, ThemeDraw
from services.audit.models import ThemeRow, ThemeWeekRow
from services.audit.standings import Standing, theme_week
from shared.events import AssessmentRecorded, DrawEvent, ThemeWeekClosed, ThemeWeekOpened


async def open_week(session: AsyncSession, standing: Standing, theme_id: str, week: int, at: datetime) -> DrawEvent:
    """Fix what the week wants and at which threshold it draws, before its first arrival."""
    plan = standing.plan
    theme = await session.get_one(
        ThemeRow, (standing.programme_id, theme_id), with_for_update=True, populate_existing=True
    )
    earlier = await session.execute(
        sa.select(col(ThemeWeekRow.arrivals))
        .where(col(ThemeWeekRow.programme_id) == standing.programme_id, col(ThemeWeekRow.theme_id) == theme_id)
        .order_by(col(ThemeWeekRow.week))
    )
    wanted = sampling.want(theme.target, week, plan.weeks, theme.done)
    expected = sampling.expected_arrivals(list(earlier.scalars()), plan.theme(theme_id).expected_a_week)
    row = ThemeWeekRow(
        programme_id=standing.programme_id,
        theme_id=theme_id,
        week=week,
        opens_on=sampling.week_opens_on(week, plan.opens_on),
        target=theme.target,
        may_pass=plan.pass_targets,
        want=wanted,
        expected=expected,
        threshold=0.0
        if plan.source == "frame"
        else sampling.threshold(
            wanted,
            expected,
            theme.target - theme.done,
            ending=sampling.is_ending(week, plan.weeks) and not plan.pass_targets,
        ),
    )
    theme.version += 1
    session.add(row)
    standing.themes[theme_id] = ThemeDraw(
        standing.programme_id, theme_id, row.target, theme.version, theme_week(row.model_dump(), theme.done)
    )
    opened = ThemeWeekOpened(
        occurred_at=at,
        version=theme.version,
        programme_id=standing.programme_id,
        theme_id=theme_id,
        week=week,
        opens_on=row.opens_on,
        want=row.want,
        threshold=row.threshold,
        expected=row.expected,
        target=row.target,
        may_pass=row.may_pass,
        frame=plan.source == "frame",
    )
    await session.flush()
    await draws.log(session, [opened])
    return opened


async def close_week(
    session: AsyncSession, standing: Standing, draw: ThemeDraw, at: datetime
) -> tuple[list[DrawEvent], list[Drawn]]:
    """Add the lowest priorities among the week's undrawn until the week has what it wants, and close it."""
    drawn = await pick(session, standing, draw, count=draw.week.wanting, outcome=Outcome.FILLED, at=at)
    events = await draws.keep(session, [draw], at)
    draw.version += 1
    closed = ThemeWeekClosed(
        occurred_at=at,
        version=draw.version,
        programme_id=standing.programme_id,
        theme_id=draw.theme_id,
        week=draw.week.week,
        arrivals=draw.week.arrivals,
        drawn=draw.week.drawn,
        weight=draw.week.weight,
        capped=draw.week.capped,
    )
    await session.execute(
        sa.text(
            "UPDATE theme_week SET closed = true WHERE programme_id = :programme AND theme_id = :theme AND week = :week"
        ),
        {"programme": standing.programme_id, "theme": draw.theme_id, "week": draw.week.week},
    )
    await session.execute(
        sa.text("UPDATE theme SET version = :version WHERE programme_id = :programme AND theme_id = :theme"),
        {"version": draw.version, "programme": standing.programme_id, "theme": draw.theme_id},
    )
    await draws.log(session, [closed])
    return [*events, closed], drawn


async def pick(
    session: AsyncSession, standing: Standing, draw: ThemeDraw, *, count: int, outcome: Outcome, at: datetime
) -> list[Drawn]:
    """Take the `count` lowest priorities that still wait in the draw's week; pass over children audited meanwhile."""
    if count <= 0:
        return []
    day = standing.day_of(at)
    waiting, facts = await _waiting(session, draw)
    children = {case.assessment_id: facts[case.assessment_id].child_id for case in waiting}
    barred: set[UUID] = set()
    if standing.plan.theme(draw.theme_id).exclude_audited:
        barred = await rulings.audited_children(session, children.values(), rulings.excluded_since(standing.plan, day))
    drawn: list[Drawn] = []
    rows: list[tuple[UUID, Outcome]] = []
    for case in sampling.lowest(waiting):
        if len(drawn) == count:
            break
        fact = facts[case.assessment_id]
        if fact.child_id in barred:
            draw.week = draw.week.note()
            decided = Outcome.EXCLUDED
        else:
            draw.week = draw.week.add()
            decided = outcome
            drawn.append(draw.drawn(fact, case.priority, outcome, day))
            if standing.plan.theme(draw.theme_id).exclude_audited:
                barred.add(fact.child_id)
        unit = family_unit(fact.family_key, fact.authorised_on) if fact.family_key else None
        draw.note(case.assessment_id, unit, case.priority, decided)
        rows.append((case.assessment_id, decided))
    await rulings.set_outcomes(session, standing.programme_id, rows)
    return drawn


async def _waiting(
    session: AsyncSession, draw: ThemeDraw
) -> tuple[list[sampling.Waiting], dict[UUID, AssessmentRecorded]]:
    rows = await session.execute(
        sa.text(
            "SELECT assessment_id, priority, sequence, facts FROM decision WHERE programme_id = :programme"
            " AND theme_id = :theme AND week = :week AND outcome = 'not_drawn'"
        ),
        {"programme": draw.programme_id, "theme": draw.theme_id, "week": draw.week.week},
    )
    waiting: list[sampling.Waiting] = []
    facts: dict[UUID, AssessmentRecorded] = {}
    for row in rows:
        waiting.append(sampling.Waiting(row.assessment_id, row.priority, row.sequence))
        facts[row.assessment_id] = AssessmentRecorded.model_validate_json(row.facts)
    return waiting, facts
