"""Drawing: what arrives is ruled on under the theme's row lock, and every ruling is published in its sequence.

The rules are `domain.sampling`'s; here their state is read, locked and kept. A batch costs a handful of statements
whatever its size: nothing is read or written case by case until a case is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.domain import sampling
from services.audit.domain.programme import Programme, ThemePlan, family_unit
from services.audit.domain.sampling import Outcome, ThemeWeek
from services.audit.domain.themes import Ineligible, is_near_live
from services.audit.models import DecisionRow, DrawLog, ProgrammeRow, ProgrammeState, ThemeRow, ThemeWeekRow
from shared.events import AssessmentRecorded, Decision, DrawEvent, DrawsDecided, ThemeWeekClosed, ThemeWeekOpened
from shared.working_days import local_date

NOWHERE = UUID(int=0)
"""Stands for the programme of a case that came while none was open."""


class Ruling(NamedTuple):
    """One row of `decision`, in the order of its columns."""

    assessment_id: UUID
    programme_id: UUID
    version: int
    child_id: UUID
    decided_on: date
    reason: str | None = None
    theme_id: str | None = None
    week: int | None = None
    sequence: int | None = None
    unit: UUID | None = None
    priority: float | None = None
    outcome: str | None = None
    facts: str | None = None


class Drawn(NamedTuple):
    """A case for the sample, with how it came there."""

    case: AssessmentRecorded
    programme_id: UUID
    theme_id: str
    week: int
    priority: float
    threshold: float
    outcome: Outcome
    sampled_on: date


@dataclass
class ThemeDraw:
    """One theme while its row is locked: its open week, and what has been decided and not yet published."""

    programme_id: UUID
    theme_id: str
    target: int
    version: int
    week: ThemeWeek
    decided: list[Decision] = field(default_factory=list)

    def arrive(self, assessment_id: UUID, unit: UUID | None, priority: float) -> Outcome:
        """One eligible case arrives; its decision is noted in sequence."""
        self.week, outcome = self.week.arrive(priority)
        self.note(assessment_id, unit, priority, outcome)
        return outcome

    def note(self, assessment_id: UUID, unit: UUID | None, priority: float, outcome: Outcome) -> None:
        """Note what the week has just counted."""
        self.decided.append(
            Decision(
                assessment_id=assessment_id,
                sequence=self.week.sequence,
                priority=priority,
                outcome=outcome,
                unit=unit,
            )
        )

    def drawn(self, case: AssessmentRecorded, priority: float, outcome: Outcome, day: date) -> Drawn:
        """The case as it enters the sample."""
        week = self.week
        return Drawn(case, self.programme_id, self.theme_id, week.week, priority, week.threshold, outcome, day)

    def published(self, at: datetime) -> list[DrawEvent]:
        """The decisions noted since the last time, as one event."""
        if not self.decided:
            return []
        self.version += 1
        event = DrawsDecided(
            occurred_at=at,
            version=self.version,
            programme_id=self.programme_id,
            theme_id=self.theme_id,
            week=self.week.week,
            decisions=tuple(self.decided),
        )
        self.decided = []
        return [event]


@dataclass
class Standing:
    """A programme in force: its plan, its seed, the day it has reached and its themes with an open week."""

    programme_id: UUID
    plan: Programme
    seed: bytes
    day: date
    themes: dict[str, ThemeDraw]

    def eligible(self, case: AssessmentRecorded, day: date, team_kind: str | None) -> list[ThemePlan] | Ineligible:
        """The themes that this case could belong to by its own facts, or why there are none."""
        if not case.decided:
            return Ineligible.UNDECIDED
        if not is_near_live(case.authorised_on, day, self.plan.near_live_days):
            return Ineligible.TOO_OLD
        themes = [
            theme
            for theme in self.plan.themes
            if theme.theme in self.themes and any(condition.holds(case, team_kind) for condition in theme.eligible)
        ]
        return themes or Ineligible.NO_THEME

    def day_of(self, at: datetime) -> date:
        """The day that counts for something that happened then: the event's own, never before the day now open."""
        return max(local_date(at), self.day)

    def assigned(self, themes: Sequence[ThemePlan], case: AssessmentRecorded) -> ThemeDraw:
        """The one theme that the case counts towards."""
        if len(themes) == 1:
            return self.themes[themes[0].theme]
        draws = [self.themes[theme.theme] for theme in themes]
        needs = [sampling.Need(draw.theme_id, draw.week.done_before, draw.target) for draw in draws]
        return self.themes[sampling.assign(needs, self.seed, case.assessment_id)]

    def arrive(self, case: AssessmentRecorded, themes: Sequence[ThemePlan], day: date) -> Ruling:
        """An eligible case arrives: theme first, then priority, then the draw."""
        draw = self.assigned(themes, case)
        unit = family_unit(case.family_key, case.authorised_on) if case.family_key else None
        priority = sampling.priority(self.seed, unit or case.assessment_id)
        outcome = draw.arrive(case.assessment_id, unit, priority)
        return Ruling(
            case.assessment_id,
            self.programme_id,
            case.version,
            case.child_id,
            day,
            theme_id=draw.theme_id,
            week=draw.week.week,
            sequence=draw.week.sequence,
            unit=unit,
            priority=priority,
            outcome=outcome,
            facts=case.model_dump_json(exclude_defaults=True),
        )

    def refuse(self, case: AssessmentRecorded, day: date, reason: Ineligible) -> Ruling:
        """A case that is no candidate. Where only an earlier audit of the child kept it out, it may be referred."""
        facts = case.model_dump_json(exclude_defaults=True) if reason is Ineligible.AUDITED else None
        return Ruling(
            case.assessment_id, self.programme_id, case.version, case.child_id, day, reason=reason, facts=facts
        )


@lru_cache(maxsize=64)
def parse_plan(body: str) -> Programme:
    """A programme from its stored body; kept, since every batch needs it and it never changes within a version."""
    return Programme.model_validate_json(body)


async def standings(session: AsyncSession, *, lock: bool) -> list[Standing]:
    """Every open programme with its open theme-weeks; with `lock`, until the transaction ends nobody else draws.

    Themes are locked in one order, so that two replicas cannot deadlock, and their counters are read after the lock.
    """
    programmes = await session.execute(
        sa.select(col(ProgrammeRow.programme_id), col(ProgrammeRow.body), col(ProgrammeRow.seed), col(ProgrammeRow.day))
        .where(col(ProgrammeRow.state) == ProgrammeState.OPEN)
        .order_by(col(ProgrammeRow.programme_id))
    )
    found = [Standing(row.programme_id, parse_plan(row.body), row.seed, row.day, {}) for row in programmes]
    if found:
        await _read_themes(session, {standing.programme_id: standing for standing in found}, lock=lock)
    return found


async def _read_themes(session: AsyncSession, by_id: Mapping[UUID, Standing], *, lock: bool) -> None:
    query = (
        sa.select(ThemeRow)
        .where(col(ThemeRow.programme_id).in_(list(by_id)))
        .order_by(col(ThemeRow.programme_id), col(ThemeRow.position))
        .execution_options(populate_existing=True)
    )
    themes = (await session.execute(query.with_for_update() if lock else query)).scalars().all()
    weeks = await session.execute(
        sa.select(ThemeWeekRow)
        .where(col(ThemeWeekRow.programme_id).in_(list(by_id)), ~col(ThemeWeekRow.closed))
        .execution_options(populate_existing=True)
    )
    open_weeks = {(row.programme_id, row.theme_id): row for row in weeks.scalars()}
    for theme in themes:
        week = open_weeks.get((theme.programme_id, theme.theme_id))
        if week is not None:
            standing = by_id[theme.programme_id]
            standing.themes[theme.theme_id] = _theme_draw(theme, week)


def _theme_draw(theme: ThemeRow, week: ThemeWeekRow) -> ThemeDraw:
    state = ThemeWeek(
        week=week.week,
        want=week.want,
        threshold=week.threshold,
        expected=week.expected,
        limit=None if week.may_pass else week.target,
        done=theme.done,
        arrivals=week.arrivals,
        drawn=week.drawn,
        sequence=week.sequence,
        capped=week.capped,
    )
    return ThemeDraw(theme.programme_id, theme.theme_id, week.target, theme.version, state)


async def theme_draw(session: AsyncSession, standing: Standing, theme_id: str, week: int) -> ThemeDraw:
    """One theme, locked, with one of its weeks: the open one as the standing holds it, or one closed already."""
    held = standing.themes.get(theme_id)
    if held is not None and held.week.week == week:
        return held
    key = (standing.programme_id, theme_id)
    theme = await session.get_one(ThemeRow, key, with_for_update=True, populate_existing=True)
    row = await session.get_one(ThemeWeekRow, (*key, week), populate_existing=True)
    return _theme_draw(theme, row)


async def keep_late(session: AsyncSession, standing: Standing, draw: ThemeDraw, at: datetime) -> list[DrawEvent]:
    """Store what was decided on a week that may be closed; the theme's open week goes on from its counters."""
    events = await keep(session, [draw], at)
    held = standing.themes.get(draw.theme_id)
    if held is not None and held is not draw:
        held.version = draw.version
        held.week = replace(held.week, done=draw.week.done)
    return events


async def keep(session: AsyncSession, draws: Iterable[ThemeDraw], at: datetime) -> list[DrawEvent]:
    """Store the counters of these themes and their log, and return what is to be published."""
    touched = [draw for draw in draws if draw.decided]
    events = [event for draw in touched for event in draw.published(at)]
    for draw in touched:
        await _keep_counters(session, draw)
    await log(session, events)
    return events


async def _keep_counters(session: AsyncSession, draw: ThemeDraw) -> None:
    week = draw.week
    key = {"programme": draw.programme_id, "theme": draw.theme_id}
    await session.execute(
        sa.text(
            "UPDATE theme SET done = :done, version = :version WHERE programme_id = :programme AND theme_id = :theme"
        ),
        {**key, "done": week.done, "version": draw.version},
    )
    await session.execute(
        sa.text(
            "UPDATE theme_week SET arrivals = :arrivals, drawn = :drawn, sequence = :sequence, capped = :capped"
            " WHERE programme_id = :programme AND theme_id = :theme AND week = :week"
        ),
        {
            **key,
            "week": week.week,
            "arrivals": week.arrivals,
            "drawn": week.drawn,
            "sequence": week.sequence,
            "capped": week.capped,
        },
    )


async def log(session: AsyncSession, events: Sequence[DrawEvent]) -> None:
    """Keep what is published, word for word, for `verify`."""
    if events:
        rows = [
            {
                "programme_id": event.programme_id,
                "theme_id": event.theme_id,
                "version": event.version,
                "type": event.type(),
                "body": event.model_dump_json(),
            }
            for event in events
        ]
        await session.execute(sa.insert(DrawLog), rows)


REFUSED_COLUMNS = 6
"""A case that is no candidate fills only the first columns of its row."""

_TYPES = ("uuid", "uuid", "int", "uuid", "date", "text", "text", "int", "int", "uuid", "float8", "text", "text")


def _insert(columns: int) -> sa.TextClause:
    names = ", ".join(Ruling._fields[:columns])
    arrays = ", ".join(f"CAST(:c{at} AS {kind}[])" for at, kind in enumerate(_TYPES[:columns]))
    fresh = ", ".join(f"{name} = excluded.{name}" for name in Ruling._fields[2:columns])
    return sa.text(
        f"INSERT INTO decision ({names}) SELECT * FROM unnest({arrays})"  # noqa: S608 - names of this module only
        f" ON CONFLICT (assessment_id, programme_id) DO UPDATE SET {fresh} WHERE decision.theme_id IS NULL"
    )


_INSERT_REFUSED, _INSERT_CANDIDATES = _insert(REFUSED_COLUMNS), _insert(len(Ruling._fields))


async def keep_rulings(session: AsyncSession, rulings: Sequence[Ruling]) -> None:
    """Store a batch's rulings, refused ones and candidates in one statement each.

    A ruling that gave a theme is never replaced. The reason of a refusal goes when the case becomes a candidate.
    """
    refused = [ruling[:REFUSED_COLUMNS] for ruling in rulings if ruling.facts is None]
    candidates = [tuple(ruling) for ruling in rulings if ruling.facts is not None]
    for statement, rows in ((_INSERT_REFUSED, refused), (_INSERT_CANDIDATES, candidates)):
        if rows:
            columns = zip(*rows, strict=True)
            await session.execute(statement, {f"c{at}": list(values) for at, values in enumerate(columns)})


async def audited_children(session: AsyncSession, children: Iterable[UUID], since: date) -> set[UUID]:
    """Which of these children had work drawn for audit on or after that day, and not given back."""
    rows = await session.execute(
        sa.text(
            "SELECT DISTINCT child_id FROM audit WHERE child_id = ANY(CAST(:children AS uuid[]))"
            " AND sampled_on >= :since AND state NOT IN ('returned', 'withdrawn')"
        ),
        {"children": list(children), "since": since},
    )
    return {row.child_id for row in rows}


def excluded_since(plan: Programme, day: date) -> date:
    """From when on an earlier audit of the child excludes it."""
    months = plan.exclude_audited_months
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    last = (date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last)) if months else day + timedelta(days=1)


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
    standing.themes[theme_id] = _theme_draw(theme, row)
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
    await log(session, [opened])
    return opened


async def close_week(
    session: AsyncSession, standing: Standing, draw: ThemeDraw, at: datetime
) -> tuple[list[DrawEvent], list[Drawn]]:
    """Add the lowest priorities among the week's undrawn until the week has what it wants, and close it."""
    drawn = await pick(session, standing, draw, count=draw.week.wanting, outcome=Outcome.FILLED, at=at)
    events = await keep(session, [draw], at)
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
    await log(session, [closed])
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
        barred = await audited_children(session, children.values(), excluded_since(standing.plan, day))
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
    await set_outcomes(session, standing.programme_id, rows)
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


async def decision(session: AsyncSession, programme_id: UUID, assessment_id: UUID) -> DecisionRow:
    """The decision on one assessment of one programme."""
    return await session.get_one(DecisionRow, (assessment_id, programme_id), populate_existing=True)


async def set_outcomes(session: AsyncSession, programme_id: UUID, rows: Sequence[tuple[UUID, Outcome]]) -> None:
    """Note a later decision on cases that were decided before."""
    if rows:
        ids, outcomes = zip(*rows, strict=True)
        await session.execute(
            sa.text(
                "UPDATE decision SET outcome = late.outcome"
                " FROM unnest(CAST(:ids AS uuid[]), CAST(:outcomes AS text[])) AS late (assessment_id, outcome)"
                " WHERE decision.assessment_id = late.assessment_id AND decision.programme_id = :programme"
            ),
            {"ids": list(ids), "outcomes": [str(each) for each in outcomes], "programme": programme_id},
        )
