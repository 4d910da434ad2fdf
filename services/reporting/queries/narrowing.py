"""What of the audits and actions a person may see, as conditions that every query of reporting starts from.

There are two measures. Counted: whose figures a person may see. Listed: which single audits and actions. The board
sees counts of everything and not one case.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from services.reporting.domain.facts import AuditStatus
from services.reporting.domain.filters import Filters
from services.reporting.models import Action, Audit, Loop
from shared.access import Role, Scope
from shared.access.tables import TEAM

Condition = sa.ColumnElement[bool]
Column = sa.SQLColumnExpression[Any]
Lines = sa.Select[Any]

COUNTS_EVERYTHING = (
    Role.LEAD_AUDITOR,
    Role.BUSINESS_SUPPORT,
    Role.QA_MANAGER,
    Role.BOARD,
    Role.DCS,
    Role.SPONSOR,
)
LISTS_EVERY_AUDIT = (Role.LEAD_AUDITOR, Role.QA_MANAGER, Role.DCS)
LISTS_EVERY_ACTION = (Role.LEAD_AUDITOR, Role.BUSINESS_SUPPORT, Role.QA_MANAGER, Role.DCS)
AUDITS = (Role.AUDITOR, Role.LEAD_AUDITOR, Role.INTERNAL_AUDITOR)
OPENS_AUDITS = (*LISTS_EVERY_AUDIT, *AUDITS, Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE, Role.PRACTITIONER)
"""Who may be shown single audits: those of everybody, their teams' or their own."""
OPENS_ACTIONS = (*LISTS_EVERY_ACTION, *AUDITS, Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE, Role.PRACTITIONER)
SEES_FIGURES = (*COUNTS_EVERYTHING, *AUDITS, Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE)
"""Who may be shown figures: of everything, of the teams they answer for or of the audits they made."""


IS_FIRST = col(Audit.re_audit_of).is_(None)
"""No audit of a case that was audited before: those are counted apart."""


def counted_audits(scope: Scope) -> Condition:
    """The audits that this person's figures are made of."""
    return sa.true() if scope.has(*COUNTS_EVERYTHING) else _own_audits(scope)


def counted_actions(scope: Scope) -> Condition:
    """The actions that this person's figures are made of."""
    return sa.true() if scope.has(*COUNTS_EVERYTHING) else _own_actions(scope)


def listed_audits(scope: Scope) -> Condition:
    """The single audits that this person may be shown."""
    return sa.true() if scope.has(*LISTS_EVERY_AUDIT) else _own_audits(scope)


def listed_actions(scope: Scope) -> Condition:
    """The single actions that this person may be shown."""
    return sa.true() if scope.has(*LISTS_EVERY_ACTION) else _own_actions(scope)


def _own_audits(scope: Scope) -> Condition:
    """Those a person made, those of teams they answer for, and those of their own work once completed."""
    conditions: list[Condition] = [sa.false(), *answers_for(scope, col(Audit.team_id))]
    if scope.has(*AUDITS):
        conditions.append(col(Audit.auditor_id) == scope.person_id)
    if scope.has(Role.PRACTITIONER):
        conditions.append(sa.and_(col(Audit.worker_id) == scope.person_id, col(Audit.status) == AuditStatus.COMPLETED))
    return sa.or_(*conditions)


def _own_actions(scope: Scope) -> Condition:
    """Those of audits a person made, those of teams they answer for, and those they are to do."""
    conditions: list[Condition] = [sa.false(), *answers_for(scope, col(Action.team_id))]
    if scope.has(*AUDITS):
        conditions.append(col(Action.auditor_id) == scope.person_id)
    if scope.has(Role.PRACTITIONER):
        conditions.append(col(Action.owner_id) == scope.person_id)
    return sa.or_(*conditions)


def answers_for(scope: Scope, team: Column) -> list[Condition]:
    """That a team is one that this person manages, or of a service that they head; nothing where they do neither."""
    conditions: list[Condition] = []
    if scope.teams:
        conditions.append(team.in_(scope.teams))
    if scope.services:
        conditions.append(team.in_(sa.select(TEAM.c.team_id).where(TEAM.c.service.in_(scope.services))))
    return conditions


def chosen_audits(filters: Filters) -> Condition:
    """Audits by the day they were completed; those not completed by the day they were sampled."""
    day = sa.func.coalesce(
        sa.cast(sa.func.timezone("Europe/London", col(Audit.completed_at)), sa.Date), col(Audit.sampled_on)
    )
    return sa.and_(
        sa.true(),
        *_same(col(Audit.programme_id), filters.programme),
        *_same(col(Audit.theme_id), filters.theme),
        *_same(col(Audit.team_id), filters.team),
        *([day >= filters.since] if filters.since else []),
        *([day <= filters.until] if filters.until else []),
    )


def chosen_actions(filters: Filters) -> Condition:
    """Actions by the day they were raised."""
    return sa.and_(
        sa.true(),
        *_same(col(Action.programme_id), filters.programme),
        *_same(col(Action.theme_id), filters.theme),
        *_same(col(Action.team_id), filters.team),
        *([col(Action.raised_at) >= filters.starts_at] if filters.starts_at else []),
        *([col(Action.raised_at) < filters.ends_before] if filters.ends_before else []),
    )


def chosen_loops(filters: Filters) -> Condition:
    """Loops by the day they were closed, and by the programme, theme and team of their audit."""
    return sa.and_(
        sa.true(),
        *_same(col(Audit.programme_id), filters.programme),
        *_same(col(Audit.theme_id), filters.theme),
        *_same(col(Audit.team_id), filters.team),
        *([col(Loop.closed_at) >= filters.starts_at] if filters.starts_at else []),
        *([col(Loop.closed_at) < filters.ends_before] if filters.ends_before else []),
    )


def _same(column: Column, value: object | None) -> list[Condition]:
    return [] if value is None else [column == value]
