"""The frame: what is open on every child, folded from what intake says, and sampled at the opening of each week.

A plan, a placement or a case stands in the frame from its first day until its last. A programme over the frame takes
all that is open when its week opens and fills what the week wants from the lowest priorities, in one step. What was
not drawn waits to replace a case of its week, and stands in the next week's frame if it is still open.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit import audits, draws, moves, sampling, theme_weeks
from services.audit.domain.programme import Programme
from services.audit.domain.sampling import Outcome
from services.audit.domain.themes import Ineligible
from services.audit.models import OPEN_STATES, Audit, DecisionRow
from services.audit.rulings import Ruling, audited_children, excluded_since, keep_rulings
from services.audit.standings import Standing, in_force
from shared.access.tables import TEAM
from shared.events import AssessmentRecorded, EpisodeRecorded, EpisodeWithdrawn, Event
from shared.working_days import local_date

DECISIONS_AN_EVENT = 500
"""A frame holds thousands of cases; one event with all their decisions would be larger than the outbox takes."""

_KEEP = sa.text(
    "INSERT INTO frame (episode_id, version, child_id, kind, started_on, ended_on, category_of_abuse, said_worker_id,"
    " said_team_id, worker_id, team_id)"
    " SELECT said.*, held.worker_id, held.team_id FROM unnest(CAST(:episode_id AS uuid[]), CAST(:version AS int[]),"
    " CAST(:child_id AS uuid[]), CAST(:kind AS text[]), CAST(:started_on AS date[]), CAST(:ended_on AS date[]),"
    " CAST(:category_of_abuse AS text[]), CAST(:worker_id AS text[]), CAST(:team_id AS text[]))"
    " AS said (episode_id, version, child_id, kind, started_on, ended_on, category, worker, team)"
    " LEFT JOIN LATERAL (SELECT worker_id, team_id FROM frame AS other WHERE other.child_id = said.child_id"
    " AND coalesce(other.worker_id, other.team_id) IS NOT NULL LIMIT 1) AS held ON true"
    " ON CONFLICT (episode_id) DO UPDATE SET version = excluded.version, started_on = excluded.started_on,"
    " ended_on = excluded.ended_on, category_of_abuse = excluded.category_of_abuse,"
    " said_worker_id = excluded.said_worker_id, said_team_id = excluded.said_team_id"
    " WHERE frame.version < excluded.version"
)
_SAID = (
    "episode_id",
    "version",
    "child_id",
    "kind",
    "started_on",
    "ended_on",
    "category_of_abuse",
    "worker_id",
    "team_id",
)

_OPEN = sa.text(
    "SELECT frame.*, decision.theme_id,"
    " CASE WHEN said_worker_id IS NULL AND said_team_id IS NULL THEN worker_id ELSE said_worker_id END AS holder,"
    " CASE WHEN said_worker_id IS NULL AND said_team_id IS NULL THEN team_id ELSE said_team_id END AS holding_team"
    " FROM frame LEFT JOIN decision ON decision.assessment_id = frame.episode_id"
    " AND decision.programme_id = :programme WHERE frame.started_on <= :day"
    " AND (frame.ended_on IS NULL OR frame.ended_on > :day) AND (decision.theme_id IS NULL"
    " OR (decision.outcome = 'not_drawn' AND decision.week < :week)) ORDER BY frame.episode_id"
)


class Open(NamedTuple):
    """A case of the frame as a candidate, and the theme in which it waited before, if it did."""

    case: AssessmentRecorded
    theme_id: str | None


async def follow(session: AsyncSession, events: Sequence[EpisodeRecorded | EpisodeWithdrawn]) -> list[Event]:
    """Fold what was said of plans, placements and cases; what is over or withdrawn can no longer be drawn.

    An audit of a case that ended since goes on: it was open at its date. That of a withdrawn one ends.
    """
    newest: dict[UUID, EpisodeRecorded | EpisodeWithdrawn] = {}
    for event in events:
        newest[event.episode_id] = event
    recorded = [event for event in newest.values() if isinstance(event, EpisodeRecorded)]
    withdrawn = [event for event in newest.values() if isinstance(event, EpisodeWithdrawn)]
    if recorded:
        await session.execute(_KEEP, {name: [getattr(event, name) for event in recorded] for name in _SAID})
    if withdrawn:
        gone = {"ids": [event.episode_id for event in withdrawn]}
        await session.execute(sa.text("DELETE FROM frame WHERE episode_id = ANY(CAST(:ids AS uuid[]))"), gone)
    return await _change(session, [event for event in newest.values() if _may_change_a_draw(event)])


def _may_change_a_draw(event: EpisodeRecorded | EpisodeWithdrawn) -> bool:
    """Whether what was decided on the case may have to follow: it is over, withdrawn, or said anew with its holder."""
    if isinstance(event, EpisodeWithdrawn) or event.ended_on is not None:
        return True
    return event.version > 1 and _says_who_holds(event)


def _says_who_holds(event: EpisodeRecorded) -> bool:
    return event.worker_id is not None or event.team_id is not None


async def _change(session: AsyncSession, events: Sequence[EpisodeRecorded | EpisodeWithdrawn]) -> list[Event]:
    ids = [event.episode_id for event in events]
    query = sa.select(col(DecisionRow.assessment_id)).where(col(DecisionRow.assessment_id).in_(ids))
    decided = set((await session.execute(query)).scalars()) if ids else set()
    if not decided:
        return []
    standings = await in_force(session)
    happened: list[Event] = []
    for event in events:
        if event.episode_id not in decided:
            continue
        if isinstance(event, EpisodeWithdrawn):
            happened += await sampling.withdraw(session, standings, event.episode_id, event.occurred_at)
            continue
        if _says_who_holds(event):
            happened += await _hold_anew(session, standings, event)
        if event.ended_on is not None:
            happened += await _close(session, standings, event)
    return happened


async def _hold_anew(session: AsyncSession, standings: Sequence[Standing], event: EpisodeRecorded) -> list[Event]:
    """Somebody else holds a case that was decided on: its facts and its open audit follow, as with finished work."""
    happened: list[Event] = []
    holder = {"worker_id": event.worker_id, "team_id": event.team_id}
    for standing in standings:
        key = (event.episode_id, standing.programme_id)
        row = await session.get(DecisionRow, key, with_for_update=True, populate_existing=True)
        if row is None or row.facts is None:
            continue
        case = structs.replace(AssessmentRecorded.read(row.facts), **holder)
        row.facts = case.json().decode()
        of_case = (col(Audit.assessment_id) == event.episode_id, col(Audit.programme_id) == standing.programme_id)
        for audit in await sampling.audits_of(session, *of_case):
            if audit.state not in OPEN_STATES or all(getattr(audit, name) == value for name, value in holder.items()):
                continue
            audit.facts = row.facts
            happened += await moves.correct(session, standing.plan, audit, case, event.occurred_at)
            await audits.told(session, audit)
    return happened


async def _close(session: AsyncSession, standings: Sequence[Standing], event: EpisodeRecorded) -> list[Event]:
    """A case that ended while it waited is set aside."""
    happened: list[Event] = []
    for standing in standings:
        key = (event.episode_id, standing.programme_id)
        row = await session.get(DecisionRow, key, with_for_update=True, populate_existing=True)
        if row is not None and row.outcome == Outcome.NOT_DRAWN:
            happened += await sampling.set_aside(session, standing, row, Outcome.INELIGIBLE, event.occurred_at)
    return happened


async def sample(session: AsyncSession, standing: Standing, theme_ids: Sequence[str], at: datetime) -> list[Event]:
    """All that is open arrives in the weeks just opened, and the lowest priorities fill what these want.

    The caller holds the locks of the programme's themes.
    """
    fresh = [standing.themes[theme_id] for theme_id in theme_ids]
    if not fresh:
        return []
    rulings, happened = await _arrive(session, standing, theme_ids, at)
    again = {"programme": standing.programme_id, "ids": [ruling.assessment_id for ruling in rulings]}
    # A case that waited in an earlier week stands in this one now; its first decision stays in the log.
    await session.execute(
        sa.text("DELETE FROM decision WHERE programme_id = :programme AND assessment_id = ANY(CAST(:ids AS uuid[]))"),
        again,
    )
    await keep_rulings(session, rulings)
    for draw in fresh:
        drawn = await theme_weeks.pick(session, standing, draw, count=draw.week.wanting, outcome=Outcome.FILLED, at=at)
        happened += await draws.keep(session, [draw], at)
        happened += await audits.open_audits(session, standing.plan, drawn, at)
    return happened


async def _arrive(
    session: AsyncSession, standing: Standing, theme_ids: Sequence[str], at: datetime
) -> tuple[list[Ruling], list[Event]]:
    day = standing.day_of(at)
    week = standing.themes[theme_ids[0]].week.week
    found = await _open(session, standing.plan, day, week, at)
    kinds = {row.team_id: row.kind for row in await session.execute(sa.select(TEAM.c.team_id, TEAM.c.kind))}
    since = excluded_since(standing.plan, day)
    audited = await audited_children(session, {each.case.child_id for each in found}, since)
    rulings: list[Ruling] = []
    events: list[Event] = []
    for each in found:
        ruling = _rule(standing, each, theme_ids, kinds.get(each.case.team_id or ""), each.case.child_id in audited)
        if ruling is not None:
            rulings.append(ruling)
        if len(rulings) % DECISIONS_AN_EVENT == 0:
            events += await draws.keep(session, standing.themes.values(), at)
    return rulings, [*events, *await draws.keep(session, standing.themes.values(), at)]


def _rule(
    standing: Standing, each: Open, theme_ids: Sequence[str], team_kind: str | None, is_audited: bool
) -> Ruling | None:
    """The place of an open case in the week, or why it has none; none at all where it waits in an older theme."""
    case, day = each.case, each.case.authorised_on
    eligible = standing.eligible(case, day, team_kind)
    if isinstance(eligible, Ineligible):
        return None if each.theme_id else standing.refuse(case, day, eligible)
    themes = [theme for theme in eligible if not (is_audited and theme.exclude_audited)]
    if not themes:
        return None if each.theme_id else standing.refuse(case, day, Ineligible.AUDITED)
    # A case stays in the theme that it was given: only there can it be seen to have waited.
    stays = [theme for theme in themes if each.theme_id in (None, theme.theme) and theme.theme in theme_ids]
    return standing.arrive(case, stays, day) if stays else None


async def _open(session: AsyncSession, plan: Programme, day: date, week: int, at: datetime) -> list[Open]:
    """What is open on the day and not in the sample, as candidates; their date is the frame's."""
    rows = await session.execute(_OPEN, {"programme": plan.programme_id, "day": day, "week": week})
    return [
        Open(
            AssessmentRecorded(
                occurred_at=at,
                version=row.version,
                assessment_id=row.episode_id,
                child_id=row.child_id,
                council=plan.council,
                kind=row.kind,
                started_on=row.started_on,
                authorised_on=day,
                worker_id=row.holder,
                team_id=row.holding_team,
                category_of_abuse=row.category_of_abuse,
                source="frame",
            ),
            row.theme_id,
        )
        for row in rows
    ]


async def sizes(session: AsyncSession, plan: Programme, at: datetime) -> dict[str, int]:
    """How many of the cases open now each theme of the programme could take."""
    found = await _open(session, plan, local_date(at), 1, at)
    kinds = {row.team_id: row.kind for row in await session.execute(sa.select(TEAM.c.team_id, TEAM.c.kind))}
    return {
        theme.theme: sum(
            any(condition.holds(each.case, kinds.get(each.case.team_id or "")) for condition in theme.eligible)
            for each in found
        )
        for theme in plan.themes
    }
