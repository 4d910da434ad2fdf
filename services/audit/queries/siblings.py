"""Who stands beside a case as a sibling: of the same family, or perhaps so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.domain.siblings import Signs, may_be_siblings, pair_of, signs_of
from services.audit.models import Audit, AuditState, SiblingAnswer
from services.audit.queries.cases import AUDITORS, Case, Sibling, cases_of, programmes_of, readable
from shared.access import Scope

Answers = Mapping[tuple[UUID, UUID], SiblingAnswer]


async def beside(session: AsyncSession, scope: Scope, cases: Sequence[Case]) -> list[Case]:
    """The cases, each with its siblings in the programme that this person may know of.

    An auditor of the programme sees which cases may be siblings; everybody else sees those of one family whose audits
    they may read.
    """
    found = await _found(session, scope, cases)
    if not found:
        return list(cases)
    answers = await _answers(session, [case.audit.audit_id for case in cases])
    return [replace(case, siblings=_siblings(case, found, answers, scope)) for case in cases]


async def possible_sibling(session: AsyncSession, scope: Scope, case: Case, other_id: UUID) -> Case | None:
    """One case that this auditor may say of whether it is a sibling: of the same family, or with the same signs."""
    found = await _found(session, scope, [case])
    return next((other for other, _ in found if other.audit.audit_id == other_id and _is_beside(case, other)), None)


async def _found(session: AsyncSession, scope: Scope, cases: Sequence[Case]) -> list[tuple[Case, bool]]:
    """Whoever could stand beside any of these, and whether this person may read their audit."""
    keys = {case.audit.family_key for case in cases if case.audit.family_key}
    signs = {signs for case in cases if (signs := _signs(case)) is not None}
    if not keys and not signs:
        return []
    may_read, audits_in = readable(scope), col(Audit.programme_id).in_(programmes_of(scope))
    rows = await session.execute(
        sa.select(Audit, may_read.label("may_read"))
        .where(
            col(Audit.programme_id).in_({case.audit.programme_id for case in cases}),
            col(Audit.state).not_in((AuditState.RETURNED, AuditState.WITHDRAWN)),
            sa.or_(col(Audit.family_key).in_(keys), _has(signs)),
            sa.or_(may_read, audits_in) if scope.has(*AUDITORS) else may_read,
        )
        .order_by(col(Audit.sampled_on), col(Audit.audit_id))
    )
    known = rows.all()
    others = await cases_of(session, scope, [row[0] for row in known])
    return [(other, bool(row[1])) for other, row in zip(others, known, strict=True)]


def _signs(case: Case) -> Signs | None:
    return signs_of(case.facts)


def _has(signs: set[Signs]) -> sa.ColumnElement[bool]:
    """As far as columns say it; the date of the referral stands in the facts alone."""
    columns = sa.tuple_(col(Audit.authorised_on), col(Audit.worker_id), col(Audit.team_id))
    return columns.in_({(each.authorised_on, each.worker_id, each.team_id) for each in signs})


def _is_beside(case: Case, other: Case) -> bool:
    if case.audit.programme_id != other.audit.programme_id:
        return False
    if case.audit.assessment_id == other.audit.assessment_id:
        # The case itself, or the same work in an audit and its re-audit: nobody is their own sibling.
        return False
    is_family = case.audit.family_key is not None and case.audit.family_key == other.audit.family_key
    return is_family or may_be_siblings(case.facts, other.facts)


def _siblings(case: Case, found: Sequence[tuple[Case, bool]], answers: Answers, scope: Scope) -> tuple[Sibling, ...]:
    beside_it = []
    for other, may_read in found:
        if not _is_beside(case, other):
            continue
        answer = answers.get(pair_of(case.audit.audit_id, other.audit.audit_id))
        is_family = case.audit.family_key is not None and case.audit.family_key == other.audit.family_key
        may_answer = case.audit.auditor_id == scope.person_id and signs_of(case.facts) is not None
        if is_family or (answer is None and may_answer):
            beside_it.append(
                Sibling(
                    other.audit,
                    other.name,
                    other.theme,
                    is_family=is_family,
                    may_read=may_read,
                    may_answer=may_answer,
                    may_take=is_family and _may_take(case, other, scope),
                    confirmed_by=answer.answered_by if answer is not None and answer.siblings else None,
                )
            )
    return tuple(beside_it)


def _may_take(case: Case, other: Case, scope: Scope) -> bool:
    """Whether the case's own auditor could read the sibling too: nobody has begun it."""
    is_free = other.audit.state in {AuditState.WAITING, AuditState.ALLOCATED} and not other.begun
    return is_free and case.audit.auditor_id == scope.person_id != other.audit.auditor_id


async def _answers(session: AsyncSession, ids: Sequence[UUID]) -> Answers:
    rows = await session.execute(
        sa.select(SiblingAnswer).where(
            sa.or_(col(SiblingAnswer.audit_id).in_(ids), col(SiblingAnswer.other_id).in_(ids))
        )
    )
    return {(row.audit_id, row.other_id): row for row in rows.scalars()}
