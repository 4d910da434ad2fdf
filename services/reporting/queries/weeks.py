"""The weekly pack: what the week's audits found, which actions are late, and for which teams, for the meeting.

It names practitioners only to whoever may see figures about them; business support sees the actions to chase.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.reporting.domain.facts import AuditStatus, Facts, Rag, rewound
from services.reporting.domain.figures import Figure, ThemeRow, by_theme, compute
from services.reporting.domain.filters import Filters
from services.reporting.domain.trends import midnight
from services.reporting.models import Action, Audit, Feed, Pattern
from services.reporting.queries.board import facts_for, feeds
from services.reporting.queries.lists import (
    ActionLine,
    AuditLine,
    action_lines,
    action_lists,
    audit_lines,
    read_actions,
    read_audits,
)
from services.reporting.queries.narrowing import (
    chosen_actions,
    chosen_audits,
    listed_actions,
    listed_audits,
)
from services.reporting.queries.patterns import between
from shared.access import Role, Scope

SEES_PACKS = (Role.LEAD_AUDITOR, Role.BUSINESS_SUPPORT, Role.QA_MANAGER, Role.HEAD_OF_SERVICE, Role.DCS)
MOST = 100


@dataclass(frozen=True)
class TeamWeek:
    """One team's week: what was found in its work and what it still has to do."""

    team_id: str | None
    completed: int
    red: int
    open: int
    overdue: int


@dataclass(frozen=True)
class WeekPack:
    """Everything that the meeting has before it, as it stood at `at`."""

    at: datetime
    week: dict[str, Figure]
    standing: dict[str, Figure]
    themes: Sequence[ThemeRow]
    teams: Sequence[TeamWeek]
    red: Sequence[AuditLine]
    late: Sequence[ActionLine]
    silent: Sequence[Feed]
    patterns: Sequence[Pattern]


async def week_pack(session: AsyncSession, scope: Scope, whole: Filters, monday: date, now: datetime) -> WeekPack:
    """The pack of the week from `monday`, as it stood when the week was over (at `now`, while it lasts)."""
    at = min(midnight(monday + timedelta(days=7)), now)
    filters = whole.model_copy(update={"since": monday, "until": monday + timedelta(days=6)})
    week = rewound(await facts_for(session, scope, filters, at), at)
    standing = rewound(await facts_for(session, scope, whole, at), at)
    return WeekPack(
        at=at,
        week=compute(week),
        standing=compute(standing),
        themes=by_theme(week),
        teams=_teams(week, standing),
        red=await _red(session, scope, filters),
        late=await _late(session, scope, whole, at) if at == now else [],
        silent=[feed for feed in await feeds(session, scope) if feed.silent],
        patterns=await between(session, scope, midnight(monday), at),
    )


def _teams(week: Facts, standing: Facts) -> list[TeamWeek]:
    """The teams of whose work something was audited this week or is still to be put right, by name."""
    rows: dict[str | None, TeamWeek] = {}
    ids = {audit.team_id for audit in week.audits if audit.completed} | {
        action.team_id for action in standing.actions if action.is_open
    }
    for team_id in sorted(ids, key=lambda each: each or ""):
        audits = [audit for audit in week.audits if audit.completed and audit.team_id == team_id]
        actions = [action for action in standing.actions if action.team_id == team_id]
        rows[team_id] = TeamWeek(
            team_id,
            len(audits),
            sum(audit.rag == Rag.RED for audit in audits),
            sum(action.is_open for action in actions),
            sum(action.is_overdue(standing.at) for action in actions),
        )
    return list(rows.values())


async def _red(session: AsyncSession, scope: Scope, filters: Filters) -> list[AuditLine]:
    red = sa.and_(
        listed_audits(scope),
        chosen_audits(filters),
        col(Audit.status) == AuditStatus.COMPLETED,
        col(Audit.rag) == Rag.RED,
    )
    return await read_audits(session, audit_lines().where(red).order_by(col(Audit.completed_at)).limit(MOST))


async def _late(session: AsyncSession, scope: Scope, filters: Filters, at: datetime) -> list[ActionLine]:
    late = sa.and_(listed_actions(scope), chosen_actions(filters), action_lists(at)["overdue"])
    return await read_actions(session, action_lines().where(late).order_by(col(Action.due_at)).limit(MOST))
