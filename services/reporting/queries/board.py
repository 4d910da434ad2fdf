"""The facts behind one view of the figures, read in a handful of statements, and what a view may be narrowed to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import SQLModel, col

from services.reporting.domain.facts import (
    ActionFact,
    AuditFact,
    AuditStatus,
    ConcernFact,
    Facts,
    LoopFact,
    ReAuditFact,
    ThemeFact,
)
from services.reporting.domain.filters import Filters
from services.reporting.models import Action, Audit, Concern, Feed, Loop, Programme, ThemeWeek
from services.reporting.queries.narrowing import (
    IS_FIRST,
    Column,
    Condition,
    chosen_actions,
    chosen_audits,
    chosen_loops,
    counted_actions,
    counted_audits,
)
from shared.access import Scope

Fact = TypeVar("Fact", AuditFact, ActionFact, LoopFact, ConcernFact)


async def facts_for(session: AsyncSession, scope: Scope, filters: Filters, at: datetime) -> Facts:
    """What this person's figures are made of, as it stands at `at`."""
    loops = sa.and_(counted_audits(scope), chosen_loops(filters))
    of_audits = sa.and_(counted_audits(scope), chosen_audits(filters))
    return Facts(
        at=at,
        audits=await _rows(session, AuditFact, Audit, sa.and_(of_audits, IS_FIRST)),
        re_audits=await _re_audits(session, of_audits),
        actions=await _rows(session, ActionFact, Action, sa.and_(counted_actions(scope), chosen_actions(filters))),
        loops=await _rows(session, LoopFact, Loop, loops),
        concerns=await _rows(session, ConcernFact, Concern, _concerns(scope, filters)),
        themes=await themes_of(session, scope, filters),
    )


async def _re_audits(session: AsyncSession, condition: Condition) -> Sequence[ReAuditFact]:
    """The re-audits of a view that are complete, whenever the audit before was made."""
    first = aliased(Audit)
    query = (
        sa.select(
            col(Audit.audit_id),
            col(Audit.completed_at),
            col(first.rag),
            col(Audit.rag),
            col(Audit.answered),
            col(Audit.upheld),
        )
        .join(first, col(first.audit_id) == col(Audit.re_audit_of))
        .where(condition, col(Audit.status) == AuditStatus.COMPLETED)
    )
    return [ReAuditFact(*row) for row in await session.execute(query)]


def _concerns(scope: Scope, filters: Filters) -> Condition:
    unbounded = filters.model_copy(update={"since": None, "until": None})
    return sa.and_(counted_audits(scope), chosen_audits(unbounded))


async def _rows(session: AsyncSession, fact: type[Fact], table: type[SQLModel], condition: Condition) -> Sequence[Fact]:
    """The facts of one table, without those of which the owner's first word has not come yet."""
    columns = [getattr(table, field.name) for field in fields(fact)]
    query = sa.select(*columns).where(condition, *(column.is_not(None) for column in _needed(table)))
    if table in (Loop, Concern):
        query = query.join(Audit, col(Audit.audit_id) == getattr(table, "audit_id"))  # noqa: B009
    return [fact(*row) for row in await session.execute(query)]


def _needed(table: type[SQLModel]) -> list[Column]:
    needed: dict[type[SQLModel], list[Any]] = {
        Audit: [Audit.programme_id, Audit.authorised_on, Audit.sampled_on],
        Action: [Action.programme_id, Action.raised_at, Action.due_at],
        Loop: [Loop.closed_at],
        Concern: [Concern.raised_at],
    }
    return [col(column) for column in needed[table]]


async def themes_of(session: AsyncSession, scope: Scope, filters: Filters) -> list[ThemeFact]:
    """The themes of the programmes in view, in the programme's order, with the arrivals of their closed weeks."""
    arrivals = await _arrivals(session)
    return [
        ThemeFact(
            programme_id=programme.programme_id,
            theme_id=theme["theme_id"],
            name=theme["name"],
            target=theme["target"],
            arrivals=arrivals.get((programme.programme_id, theme["theme_id"]), 0),
        )
        for programme in await programmes(session, scope)
        for theme in programme.themes
        if filters.programme in (None, programme.programme_id) and filters.theme in (None, theme["theme_id"])
    ]


async def theme_names(session: AsyncSession, scope: Scope) -> dict[str, str]:
    """What the themes of every programme are called."""
    return {theme.theme_id: theme.name for theme in await themes_of(session, scope, Filters())}


async def _arrivals(session: AsyncSession) -> dict[tuple[UUID, str], int]:
    query = (
        sa.select(col(ThemeWeek.programme_id), col(ThemeWeek.theme_id), sa.func.sum(ThemeWeek.arrivals))
        .where(col(ThemeWeek.closed))
        .group_by(col(ThemeWeek.programme_id), col(ThemeWeek.theme_id))
    )
    return {(programme_id, theme_id): int(total) for programme_id, theme_id, total in await session.execute(query)}


async def programmes(session: AsyncSession, scope: Scope) -> Sequence[Programme]:
    """Every programme, open ones first, then the newest. Their names are no secret to whoever may see figures."""
    order = (col(Programme.closed), col(Programme.opens_on).desc().nulls_last(), col(Programme.programme_id))
    return (await session.execute(sa.select(Programme).order_by(*order))).scalars().all()


async def with_programme(session: AsyncSession, scope: Scope, filters: Filters) -> Filters:
    """The same filters, of the newest open programme where none is chosen: scales are never mixed in one view."""
    if filters.programme is not None:
        return filters
    newest = next(iter(await programmes(session, scope)), None)
    return filters if newest is None else filters.model_copy(update={"programme": newest.programme_id})


async def programme_of(session: AsyncSession, scope: Scope, filters: Filters) -> Programme | None:
    """The programme in view."""
    return next((each for each in await programmes(session, scope) if each.programme_id == filters.programme), None)


async def feeds(session: AsyncSession, scope: Scope) -> Sequence[Feed]:
    """Every sender: counts only, which anybody who may see figures may see."""
    return (await session.execute(sa.select(Feed).order_by(col(Feed.silent).desc(), col(Feed.sender)))).scalars().all()


async def teams_audited(session: AsyncSession, scope: Scope, programme: UUID | None) -> list[str]:
    """The ids of the teams that this person's figures are about."""
    query = sa.select(col(Audit.team_id)).where(
        counted_audits(scope), chosen_audits(Filters(programme=programme)), col(Audit.team_id).is_not(None)
    )
    return sorted(team for team in (await session.execute(query.distinct())).scalars() if team is not None)
