"""A case chosen by hand: a manager's referral, or the QA manager's own. Marked, and outside the statistics."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit import audits, rulings
from services.audit.audits import AuditConflictError
from services.audit.domain.sampling import Outcome, priority
from services.audit.domain.themes import Ineligible
from services.audit.draws import Drawn
from services.audit.models import Audit, DecisionRow
from services.audit.standings import Standing, keep_late, theme_draw
from shared.events import AssessmentRecorded, Event

CHOOSABLE = (Outcome.NOT_DRAWN, Outcome.EXCLUDED, Outcome.INELIGIBLE, Outcome.RETURNED)


def choosable(row: DecisionRow) -> bool:
    """Whether somebody may still choose this case: its facts are here and it is not in the sample."""
    return row.facts is not None and (row.outcome in CHOOSABLE or row.reason == Ineligible.AUDITED)


async def choose(
    session: AsyncSession, standing: Standing, assessment_id: UUID, *, by: str, because: str, at: datetime
) -> list[Event]:
    """Put the case before an auditor. The caller holds the locks of the programme's themes."""
    row = await session.get(
        DecisionRow, (assessment_id, standing.programme_id), with_for_update=True, populate_existing=True
    )
    if row is None or row.facts is None or not choosable(row):
        raise AuditConflictError("This case cannot be chosen by hand: it is in the sample already, or never came.")
    case = AssessmentRecorded.read(row.facts)
    if row.theme_id is None or row.week is None:
        await _give_theme(session, standing, row, case)
    draw = await theme_draw(session, standing, str(row.theme_id), row.week or 0)
    draw.week = draw.week.note()
    draw.note(assessment_id, row.unit, row.priority or 0.0, Outcome.BY_HAND)
    await rulings.set_outcomes(session, standing.programme_id, [(assessment_id, Outcome.BY_HAND)])
    drawn = draw.drawn(case, row.priority or 0.0, Outcome.BY_HAND, standing.day_of(at))
    events: list[Event] = [*await keep_late(session, standing, draw, at)]
    return [*events, *await _open(session, standing, drawn, by=by, because=because, at=at)]


async def is_chosen(session: AsyncSession, programme_id: UUID, assessment_id: UUID, *, by: str, because: str) -> bool:
    """Whether this person has chosen the case by hand for this reason."""
    said = [col(Audit.programme_id) == programme_id, col(Audit.assessment_id) == assessment_id, col(Audit.by_hand)]
    said += [col(Audit.chosen_by) == by, col(Audit.chosen_because) == because]
    return (await session.execute(sa.select(col(Audit.audit_id)).where(*said).limit(1))).first() is not None


async def _give_theme(session: AsyncSession, standing: Standing, row: DecisionRow, case: AssessmentRecorded) -> None:
    """A case that only an earlier audit of its child kept out: the first theme that its kind of work fits."""
    themes = [theme for theme in standing.plan.themes if not theme.about() or case.kind in theme.about()]
    if not themes or themes[0].theme not in standing.themes:
        raise AuditConflictError("No theme of the programme is open for this kind of work.")
    draw = standing.themes[themes[0].theme]
    row.theme_id, row.week, row.sequence = draw.theme_id, draw.week.week, draw.week.sequence + 1
    row.priority = priority(standing.seed, case.assessment_id)
    await session.flush()


async def _open(
    session: AsyncSession, standing: Standing, drawn: Drawn, *, by: str, because: str, at: datetime
) -> list[Event]:
    events = await audits.open_audits(session, standing.plan, [drawn], at, by_hand=True)
    audit_id = audits.audit_of(events)
    audit = await session.get_one(Audit, audit_id)
    audit.chosen_by, audit.chosen_because = by, because
    return events
