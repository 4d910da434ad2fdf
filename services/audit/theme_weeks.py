"""One week of a theme: opened with what it wants and its threshold, closed with the lowest priorities that wait."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit import draws, rulings
from services.audit.domain import sampling
from services.audit.domain.sampling import Outcome
from services.audit.draws import Drawn, ThemeDraw
from services.audit.driving import driver
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
    day = standing.day_of(at)
    excludes = standing.plan.theme(draw.theme_id).exclude_audited
    since = rulings.excluded_since(standing.plan, day)
    barred: set[UUID] = set()
    taken: list[_Waits] = []
    passed: list[_Waits] = []
    last: _Waits | None = None
    while len(taken) < count and (waiting := await _waiting(session, draw, after=last, most=count + SPARE)):
        last = waiting[-1]
        if excludes:
            barred |= await rulings.audited_children(session, {case.child_id for case in waiting}, since)
        for case in waiting:
            if len(taken) == count:
                break
            is_barred = case.child_id in barred
            draw.week = draw.week.note() if is_barred else draw.week.add()
            draw.note(case.assessment_id, case.unit, case.priority, Outcome.EXCLUDED if is_barred else outcome)
            (passed if is_barred else taken).append(case)
            if excludes:
                barred.add(case.child_id)
    await rulings.set_outcomes(
        session,
        standing.programme_id,
        [
            *((case.assessment_id, Outcome.EXCLUDED) for case in passed),
            *((case.assessment_id, outcome) for case in taken),
        ],
    )
    facts = await _facts(session, standing.programme_id, taken)
    return [draw.drawn(facts[case.assessment_id], case.priority, outcome, day) for case in taken]


class _Waits(NamedTuple):
    """A case that was not drawn on arrival and may still fill or replace."""

    assessment_id: UUID
    child_id: UUID
    unit: UUID | None
    priority: float
    sequence: int


SPARE = 20
"""Read at once beside those wanted: some are passed over."""

_WAITING = (
    "SELECT assessment_id, child_id, unit, priority, sequence FROM decision WHERE programme_id = $1 AND theme_id = $2"
    " AND week = $3 AND outcome = 'not_drawn' AND (priority, sequence) > ($4, $5) ORDER BY priority, sequence LIMIT $6"
)


async def _waiting(session: AsyncSession, draw: ThemeDraw, *, after: _Waits | None, most: int) -> list[_Waits]:
    """The next that wait, in the order in which they fill: by priority, earlier arrivals first among equals."""
    place = (after.priority, after.sequence) if after else (-1.0, 0)
    key = (draw.programme_id, draw.theme_id, draw.week.week)
    return [_Waits(*row) for row in await (await driver(session)).fetch(_WAITING, *key, *place, most)]


async def _facts(session: AsyncSession, programme_id: UUID, cases: Sequence[_Waits]) -> dict[UUID, AssessmentRecorded]:
    if not cases:
        return {}
    ids = [case.assessment_id for case in cases]
    rows = await (await driver(session)).fetch(_FACTS, programme_id, ids)
    return {assessment_id: AssessmentRecorded.read(facts) for assessment_id, facts in rows}


_FACTS = "SELECT assessment_id, facts FROM decision WHERE programme_id = $1 AND assessment_id = ANY($2::uuid[])"
