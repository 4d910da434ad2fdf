"""A batch of finished work meets the programmes in force.

The themes are locked in one order, and under the lock each case gets its decision in sequence. A redelivered case finds
its decision made; a later version of a case is a correction, and takes the slower road. A batch costs a handful of
statements whatever its size: nothing is read or written case by case until a case is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit import audits, draws, holding, leaving, moves, rulings
from services.audit.domain.sampling import Outcome
from services.audit.domain.themes import Ineligible
from services.audit.draws import Drawn
from services.audit.driving import driver
from services.audit.models import OPEN_STATES, Audit, DecisionRow, Flag
from services.audit.rulings import Ruling
from services.audit.standings import Standing, in_force, keep_late, theme_draw
from shared.events import AssessmentRecorded, AssessmentWithdrawn, Event
from shared.working_days import local_date


class Decided(NamedTuple):
    """What stands of an earlier decision: on which version, and the theme that it gave, if any."""

    version: int
    theme_id: str | None


@dataclass
class Known:
    """What was known of a batch's cases before it came, read once the themes are locked."""

    decided: dict[tuple[UUID, UUID], Decided] = field(default_factory=dict)
    audited: dict[UUID, date] = field(default_factory=dict)
    """When work on the child was last drawn for audit, and not given back."""
    kinds: dict[str, str] = field(default_factory=dict)
    """Of the teams."""
    framed: set[UUID] = field(default_factory=set)
    """The children of whom something stands in the frame."""


@dataclass
class Batch:
    """What a batch has come to so far; `again` are those of its rulings that stand in place of an earlier one."""

    known: Known
    rulings: list[Ruling] = field(default_factory=list)
    again: list[Ruling] = field(default_factory=list)
    drawn: dict[UUID, list[Drawn]] = field(default_factory=dict)
    audited: dict[UUID, set[UUID]] = field(default_factory=dict)
    """By programme the children whose work was audited within its exclusion period."""


async def sample(session: AsyncSession, events: Sequence[AssessmentRecorded | AssessmentWithdrawn]) -> list[Event]:
    """Rule on each case, in order; return the decisions in batches and the audits that they open."""
    recorded = newest(events)
    withdrawn = [event for event in events if isinstance(event, AssessmentWithdrawn)]
    standings = [each for each in await in_force(session) if each.plan.source == "events"]
    batch = Batch(await _known(session, recorded) if recorded else Known())
    for standing in standings if batch.known.audited else ():
        since = rulings.excluded_since(standing.plan, standing.day_of(recorded[0].occurred_at))
        batch.audited[standing.programme_id] = {child for child, day in batch.known.audited.items() if day >= since}
    corrections = [case for case in recorded if not _arrives(case, standings, batch)]
    await rulings.keep_rulings(session, batch.rulings, batch.again)
    await holding.follow(session, recorded, batch.known.framed)
    happened: list[Event] = []
    at = (recorded or withdrawn)[-1].occurred_at
    for standing in standings:
        happened += await draws.keep(session, standing.themes.values(), at)
        drawn = batch.drawn.get(standing.programme_id, [])
        happened += await audits.open_audits(session, standing.plan, drawn, at, all_new=not batch.known.decided)
    for standing in standings if corrections else ():
        happened += await _correct(session, standing, corrections, batch.known.kinds)
    for event in withdrawn:
        happened += await withdraw(session, standings, event.assessment_id, event.occurred_at)
    return happened


def newest(events: Sequence[AssessmentRecorded | AssessmentWithdrawn]) -> list[AssessmentRecorded]:
    """The newest version of each case in the batch, in order; what is withdrawn after it is not sampled at all."""
    latest: dict[UUID, AssessmentRecorded | AssessmentWithdrawn] = {event.assessment_id: event for event in events}
    if len(latest) < len(events):
        latest.clear()
        for event in events:
            before = latest.pop(event.assessment_id, None)
            latest[event.assessment_id] = event if before is None or event.version >= before.version else before
    return [event for event in latest.values() if isinstance(event, AssessmentRecorded)]


async def _known(session: AsyncSession, cases: Sequence[AssessmentRecorded]) -> Known:
    known = Known()
    asked = (
        [case.assessment_id for case in cases],
        list({case.child_id for case in cases}),
        list({case.team_id for case in cases if case.team_id}),
    )
    for what, one, other, number, name, kind, day in await (await driver(session)).fetch(_KNOWN, *asked):
        if what == "decided":
            known.decided[one, other] = Decided(number, name)
        elif what == "audited":
            known.audited[one] = day
        elif what == "framed":
            known.framed.add(one)
        else:
            known.kinds[name] = kind
    return known


_KNOWN = (
    "SELECT 'decided' AS what, assessment_id AS one, programme_id AS other, version AS number, theme_id AS name,"
    " NULL AS kind, NULL::date AS day FROM decision WHERE assessment_id = ANY($1::uuid[])"
    " UNION ALL SELECT 'audited', child_id, NULL, NULL, NULL, NULL, max(sampled_on) FROM audit"
    " WHERE child_id = ANY($2::uuid[]) AND state NOT IN ('returned', 'withdrawn') GROUP BY child_id"
    " UNION ALL SELECT DISTINCT 'framed', child_id, NULL::uuid, NULL::int, NULL, NULL, NULL::date FROM frame"
    " WHERE child_id = ANY($2::uuid[])"
    " UNION ALL SELECT 'team', NULL, NULL, NULL, team_id, kind, NULL FROM team WHERE team_id = ANY($3::text[])"
)


def _arrives(case: AssessmentRecorded, standings: Sequence[Standing], batch: Batch) -> bool:
    """Rule on the case where it is new; False where a decision stands and this is a correction of it."""
    is_new = True
    decided = batch.known.decided
    for standing in standings:
        # Nearly everything comes once: what was never decided is not looked up
        before = decided.get((case.assessment_id, standing.programme_id)) if decided else None
        if before is None:
            batch.rulings.append(_ruling(case, standing, batch))
        elif before.theme_id is not None:
            is_new = False
        elif before.version < case.version:
            ruling = _ruling(case, standing, batch)
            batch.rulings.append(ruling)
            batch.again.append(ruling)
    if not standings and (case.assessment_id, rulings.NOWHERE) not in decided:
        day = local_date(case.occurred_at)
        batch.rulings.append(
            Ruling(case.assessment_id, rulings.NOWHERE, case.version, case.child_id, day, Ineligible.NO_PROGRAMME)
        )
    return is_new


def _ruling(case: AssessmentRecorded, standing: Standing, batch: Batch) -> Ruling:
    day = standing.day_of(case.occurred_at)
    themes = standing.eligible(case, day, batch.known.kinds.get(case.team_id or ""))
    if isinstance(themes, Ineligible):
        return standing.refuse(case, day, themes)
    audited = batch.audited.setdefault(standing.programme_id, set())
    if case.child_id in audited:
        themes = [theme for theme in themes if not theme.exclude_audited]
        if not themes:
            return standing.refuse(case, day, Ineligible.AUDITED)
    ruling = standing.arrive(case, themes, day)
    if ruling.outcome == Outcome.DRAWN and ruling.theme_id is not None and ruling.priority is not None:
        draw = standing.themes[ruling.theme_id]
        drawn = draw.drawn(case, ruling.priority, Outcome.DRAWN, day)
        batch.drawn.setdefault(standing.programme_id, []).append(drawn)
        audited.add(case.child_id)
    return ruling


async def _correct(
    session: AsyncSession, standing: Standing, cases: Sequence[AssessmentRecorded], kinds: Mapping[str, str]
) -> list[Event]:
    """Later versions of cases that are candidates: their decisions stand, their facts are brought up to date.

    Where the correction ends eligibility a drawn case is marked, and one that was not drawn can no longer be.
    """
    decided = {ruling.assessment_id: ruling for ruling in await rulings.correct(session, standing.programme_id, cases)}
    audited = await _with_audits(session, standing.programme_id, list(decided))
    happened: list[Event] = []
    for case in cases:
        ruling = decided.get(case.assessment_id)
        if ruling is None:
            continue
        themes = standing.eligible(case, ruling.decided_on, kinds.get(case.team_id or ""))
        still = not isinstance(themes, Ineligible) and ruling.theme_id in {theme.theme for theme in themes}
        if ruling.outcome == Outcome.NOT_DRAWN and not still:
            happened += await set_aside(session, standing, ruling, Outcome.INELIGIBLE, case.occurred_at)
        if case.assessment_id in audited:
            happened += await _correct_audit(session, standing, case, still=still)
    return happened


async def _with_audits(session: AsyncSession, programme_id: UUID, cases: Sequence[UUID]) -> set[UUID]:
    if not cases:
        return set()
    query = "SELECT DISTINCT assessment_id FROM audit WHERE assessment_id = ANY($1::uuid[]) AND programme_id = $2"
    return {row["assessment_id"] for row in await (await driver(session)).fetch(query, cases, programme_id)}


async def _correct_audit(
    session: AsyncSession, standing: Standing, case: AssessmentRecorded, *, still: bool
) -> list[Event]:
    happened: list[Event] = []
    of_case = (col(Audit.assessment_id) == case.assessment_id, col(Audit.programme_id) == standing.programme_id)
    for audit in await audits_of(session, *of_case):
        if audit.flag == Flag.WITHDRAWN:
            # Its words are gone for good, whatever is told of the case again.
            continue
        audit.facts = case.json().decode()
        audit.flag = None if still else Flag.INELIGIBLE
        if audit.state in OPEN_STATES:
            happened += await moves.correct(session, standing.plan, audit, case, case.occurred_at)
        await audits.told(session, audit)
    return happened


async def set_aside(
    session: AsyncSession, standing: Standing, row: DecisionRow | Ruling, outcome: Outcome, at: datetime
) -> list[Event]:
    """Note that a case which was not drawn can no longer fill or replace."""
    if row.theme_id is None or row.week is None or row.priority is None:
        return []
    draw = await theme_draw(session, standing, row.theme_id, row.week)
    draw.week = draw.week.note()
    draw.note(row.assessment_id, row.unit, row.priority, outcome)
    await rulings.set_outcomes(session, standing.programme_id, [(row.assessment_id, outcome)])
    return [*await keep_late(session, standing, draw, at)]


async def withdraw(
    session: AsyncSession, standings: Sequence[Standing], assessment_id: UUID, at: datetime
) -> list[Event]:
    """The sender purged a case: it can no longer be drawn; its audit ends, or is kept and flagged where complete."""
    happened: list[Event] = []
    by_id = {standing.programme_id: standing for standing in standings}
    query = sa.select(DecisionRow).where(col(DecisionRow.assessment_id) == assessment_id)
    for row in (await session.execute(query.execution_options(populate_existing=True))).scalars():
        standing = by_id.get(row.programme_id)
        row.facts, row.reason = None, Ineligible.WITHDRAWN
        await session.flush()
        if row.outcome == Outcome.NOT_DRAWN and standing is not None:
            happened += await set_aside(session, standing, row, Outcome.WITHDRAWN, at)
    for audit in await audits_of(session, col(Audit.assessment_id) == assessment_id):
        happened += await leaving.withdraw(session, by_id.get(audit.programme_id), audit, at)
    return happened


async def audits_of(session: AsyncSession, *case: sa.ColumnElement[bool]) -> Sequence[Audit]:
    """The audits of one case, locked.

    Asked twice: a re-audit is drawn under the lock of its first audit, and what was drawn while the first look waited
    for that, only the second sees.
    """
    query = sa.select(Audit).where(*case).order_by(col(Audit.audit_id)).with_for_update()
    await session.execute(query)
    return (await session.execute(query.execution_options(populate_existing=True))).scalars().all()
