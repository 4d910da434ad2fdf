"""Rulings: what became of one piece of work in one programme, one narrow row for each that ever came.

A batch's rulings are stored by one COPY. A decision that gave a theme is never replaced; what came to it later is noted
beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.domain.programme import Programme
from services.audit.domain.sampling import Outcome
from services.audit.driving import driver
from services.audit.models import DecisionRow
from shared.events import AssessmentRecorded

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


async def keep_rulings(session: AsyncSession, rulings: Sequence[Ruling], replaced: Sequence[Ruling] = ()) -> None:
    """Store a batch's rulings. Those that are `replaced` had an earlier one which gave no theme: it goes."""
    if not rulings:
        return
    if replaced:
        gone = ([ruling.assessment_id for ruling in replaced], [ruling.programme_id for ruling in replaced])
        await (await driver(session)).execute(_FORGET, *gone)
    if len(rulings) <= FEW:
        await (await driver(session)).execute(_KEEP, *zip(*rulings, strict=True))
    else:
        await (await driver(session)).copy_records_to_table("decision", columns=Ruling._fields, records=rulings)


FEW = 10
"""Rows. COPY speaks to the server twice, which only more of them make up for."""

_KEEP = (
    "INSERT INTO decision (assessment_id, programme_id, version, child_id, decided_on, reason, theme_id, week,"
    " sequence, unit, priority, outcome, facts) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::uuid[],"
    " $5::date[], $6::text[], $7::text[], $8::int[], $9::int[], $10::uuid[], $11::float8[], $12::text[], $13::text[])"
)

_FORGET = (
    "DELETE FROM decision USING unnest($1::uuid[], $2::uuid[])"
    " AS gone (assessment_id, programme_id) WHERE decision.assessment_id = gone.assessment_id"
    " AND decision.programme_id = gone.programme_id AND decision.theme_id IS NULL"
)


async def correct(session: AsyncSession, programme_id: UUID, cases: Sequence[AssessmentRecorded]) -> list[Ruling]:
    """Bring the facts of these candidates up to date: the rulings on those whose later version it is."""
    columns = (
        [case.assessment_id for case in cases],
        [case.version for case in cases],
        [case.json().decode() for case in cases],
    )
    rows = await (await driver(session)).fetch(_CORRECT, *columns, programme_id)
    return [Ruling(*(row[name] for name in Ruling._fields)) for row in rows]


_CORRECT = (
    "UPDATE decision SET version = said.version, facts = said.facts"
    " FROM unnest($1::uuid[], $2::int[], $3::text[]) AS said (assessment_id, version, facts)"
    " WHERE decision.assessment_id = said.assessment_id AND decision.programme_id = $4"
    " AND decision.version < said.version AND theme_id IS NOT NULL AND week IS NOT NULL"
    " RETURNING decision.*"
)


async def audited_children(session: AsyncSession, children: Iterable[UUID], since: date) -> set[UUID]:
    """Which of these children had work drawn for audit on or after that day, and not given back."""
    rows = await (await driver(session)).fetch(_AUDITED, list(children), since)
    return {row["child_id"] for row in rows}


_AUDITED = (
    "SELECT DISTINCT child_id FROM audit WHERE child_id = ANY($1::uuid[])"
    " AND sampled_on >= $2 AND state NOT IN ('returned', 'withdrawn')"
)


def excluded_since(plan: Programme, day: date) -> date:
    """From when on an earlier audit of the child excludes it."""
    months = plan.exclude_audited_months
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    last = (date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last)) if months else day + timedelta(days=1)


async def decision(session: AsyncSession, programme_id: UUID, assessment_id: UUID) -> DecisionRow:
    """The decision on one assessment of one programme."""
    return await session.get_one(DecisionRow, (assessment_id, programme_id), populate_existing=True)


async def set_outcomes(session: AsyncSession, programme_id: UUID, rows: Sequence[tuple[UUID, Outcome]]) -> None:
    """Note a later decision on cases that were decided before."""
    if rows:
        ids, outcomes = zip(*rows, strict=True)
        await (await driver(session)).execute(_LATER, ids, outcomes, programme_id)


_LATER = (
    "UPDATE decision SET outcome = late.outcome FROM unnest($1::uuid[], $2::text[]) AS late (assessment_id, outcome)"
    " WHERE decision.assessment_id = late.assessment_id AND decision.programme_id = $3"
)
