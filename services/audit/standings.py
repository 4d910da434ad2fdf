"""The programmes in force while their themes are locked: what each could take, and which theme a case counts towards.

Whoever draws holds the rows of every theme of every open programme, locked in one order, and reads all else after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from services.audit import draws
from services.audit.domain import sampling
from services.audit.domain.programme import Programme, ThemePlan, family_unit
from services.audit.domain.sampling import ThemeWeek
from services.audit.domain.themes import Ineligible, is_near_live
from services.audit.draws import ThemeDraw
from services.audit.driving import driver
from services.audit.models import ThemeRow, ThemeWeekRow
from services.audit.rulings import Ruling
from shared.events import AssessmentRecorded, DrawEvent
from shared.working_days import local_date


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
        themes = [theme for theme in self.plan.taking(case, team_kind) if theme.theme in self.themes]
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
            facts=case.json().decode(),
        )

    def refuse(self, case: AssessmentRecorded, day: date, reason: Ineligible) -> Ruling:
        """A case that is no candidate. Where only an earlier audit of the child kept it out, it may be referred."""
        facts = case.json().decode() if reason is Ineligible.AUDITED else None
        return Ruling(
            case.assessment_id, self.programme_id, case.version, case.child_id, day, reason=reason, facts=facts
        )


@lru_cache(maxsize=64)
def parse_plan(body: str) -> Programme:
    """A programme from its stored body; kept, since every batch needs it and it never changes within a version."""
    return Programme.model_validate_json(body)


_LOCK = (
    "SELECT programme_id, theme_id FROM theme JOIN programme USING (programme_id) WHERE programme.state = 'open'"
    " ORDER BY programme_id, position FOR UPDATE OF theme"
)
"""In one order, so that two replicas cannot deadlock."""

_LOCK_ALL = "SELECT pg_advisory_xact_lock(hashtext('audit/no programme'))"
"""Where no programme is open there is no row to lock, and two versions of one case must wait for each other still."""

_STANDING = (
    "SELECT programme_id, digest, seed, day, theme_id, week, theme_week.target, may_pass, want, threshold, expected,"
    " arrivals, drawn, sequence, capped, theme.done, theme.version FROM programme"
    " LEFT JOIN (theme_week JOIN theme USING (programme_id, theme_id)) USING (programme_id)"
    " WHERE programme.state = 'open' AND programme_id = ANY($1::uuid[]) AND closed IS NOT TRUE"
    " ORDER BY programme_id, position"
)


async def in_force(session: AsyncSession) -> list[Standing]:
    """Every open programme with its open theme-weeks; until the transaction ends nobody else draws."""
    connection = await driver(session)
    locked = {tuple(row) for row in await connection.fetch(_LOCK)}
    if not locked:
        await connection.execute(_LOCK_ALL)
        return []
    found: dict[UUID, Standing] = {}
    for row in await connection.fetch(_STANDING, list({programme_id for programme_id, _ in locked})):
        key = programme_id, theme_id = (row["programme_id"], row["theme_id"])
        if programme_id not in found:
            plan = await _plan(connection, programme_id, row["digest"])
            found[programme_id] = Standing(programme_id, plan, row["seed"], row["day"], {})
        # What was opened while this waited for the locks is nobody's yet
        if key in locked:
            week = theme_week(row, row["done"])
            found[programme_id].themes[theme_id] = ThemeDraw(*key, row["target"], row["version"], week)
    return list(found.values())


async def _plan(connection: asyncpg.Connection, programme_id: UUID, digest: str) -> Programme:
    """The plan whose body has this digest. The body is long, and read from the database once for a process."""
    plan = _PLANS.get(digest)
    if plan is None:
        body = await connection.fetchval("SELECT body FROM programme WHERE programme_id = $1", programme_id)
        plan = _PLANS[digest] = parse_plan(body)
        if len(_PLANS) > PLANS_KEPT:
            del _PLANS[next(iter(_PLANS))]
    return plan


PLANS_KEPT = 64
_PLANS: dict[str, Programme] = {}


def theme_week(week: Mapping[str, Any], done: int) -> ThemeWeek:
    """The state of the draw that the stored columns of a week and its theme's count come to."""
    return ThemeWeek(
        week=week["week"],
        want=week["want"],
        threshold=week["threshold"],
        expected=week["expected"],
        limit=None if week["may_pass"] else week["target"],
        done=done,
        arrivals=week["arrivals"],
        drawn=week["drawn"],
        sequence=week["sequence"],
        capped=week["capped"],
    )


async def theme_draw(session: AsyncSession, standing: Standing, theme_id: str, week: int) -> ThemeDraw:
    """One theme, locked, with one of its weeks: the open one as the standing holds it, or one closed already."""
    held = standing.themes.get(theme_id)
    if held is not None and held.week.week == week:
        return held
    key = (standing.programme_id, theme_id)
    theme = await session.get_one(ThemeRow, key, with_for_update=True, populate_existing=True)
    row = await session.get_one(ThemeWeekRow, (*key, week), populate_existing=True)
    return ThemeDraw(
        standing.programme_id, theme_id, row.target, theme.version, theme_week(row.model_dump(), theme.done)
    )


async def keep_late(session: AsyncSession, standing: Standing, draw: ThemeDraw, at: datetime) -> list[DrawEvent]:
    """Store what was decided on a week that may be closed; the theme's open week goes on from its counters."""
    events = await draws.keep(session, [draw], at)
    held = standing.themes.get(draw.theme_id)
    if held is not None and held is not draw:
        held.version = draw.version
        held.week = held.week.having(draw.week.done)
    return events
