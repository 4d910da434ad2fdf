"""Events in, projections out: what every owner says is folded here, and the pages that are open are told to look again.

Reporting says nothing back while it folds: it owns no fact but its reports.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from math import nan

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.domain.figures import compute
from services.reporting.domain.filters import Filters
from services.reporting.metrics import FIGURE
from services.reporting.models import Assessment, Child, FoldedEvent, Pattern, Projection, key_columns, key_of, row_for
from services.reporting.queries import board
from shared.access import Role, Scope
from shared.events import (
    ActionEvent,
    AssessmentRecorded,
    AssessmentWithdrawn,
    AuditEvent,
    ChildLinked,
    ChildUnlinked,
    DrawEvent,
    Event,
    FeedEvent,
    LoopEvent,
    PatternDetected,
    ProgrammeEvent,
    SessionCancelled,
    SessionHeld,
    SessionPlanned,
    StrengthRecognised,
    Topic,
    events_of,
)
from shared.messaging import EventRouter, consumes, every, notify

router = EventRouter("reporting")

WATCHER = Scope("caseloop", "Metrics", frozenset({Role.SPONSOR.value}))
"""Who the metrics are for: counts of everything, nobody's cases."""

CHANGED = "changed"
"""The channel that open pages listen on. It carries no content: who hears it reads again, within their own scope."""


@consumes(router, *events_of(Topic.PROGRAMMES))
async def fold_programmes(events: Sequence[ProgrammeEvent], session: AsyncSession) -> list[Event]:
    """Keep each programme as its newest version says."""
    return await _fold(events, session)


@consumes(router, *events_of(Topic.DRAWS))
async def fold_draws(events: Sequence[DrawEvent], session: AsyncSession) -> list[Event]:
    """Keep what each theme-week wanted, received and drew."""
    return await _fold(events, session)


@consumes(router, *events_of(Topic.AUDITS))
async def fold_audits(events: Sequence[AuditEvent], session: AsyncSession) -> list[Event]:
    """Keep where each sampled case and each concern stands. A strength counts with its audit."""
    return await _fold([event for event in events if not isinstance(event, StrengthRecognised)], session)


@consumes(router, *events_of(Topic.ACTIONS))
async def fold_actions(events: Sequence[ActionEvent | LoopEvent], session: AsyncSession) -> list[Event]:
    """Keep where each action and each loop stands, whether or not its audit is here yet."""
    return await _fold(events, session)


@consumes(router, *events_of(Topic.FEEDS))
async def fold_feeds(events: Sequence[FeedEvent], session: AsyncSession) -> list[Event]:
    """Keep what each sender brought and whether it is silent or has ended."""
    return await _fold(events, session)


@consumes(router, SessionPlanned, SessionHeld, SessionCancelled, PatternDetected)
async def fold_sessions(
    events: Sequence[SessionPlanned | SessionHeld | SessionCancelled | PatternDetected], session: AsyncSession
) -> list[Event]:
    """Keep who meets whom and when, and what is found again and again in a team."""
    for pattern in (event for event in events if isinstance(event, PatternDetected)):
        statement = insert(Pattern).values(
            pattern_id=pattern.pattern_id,
            team_id=pattern.team_id,
            domain=pattern.domain,
            actions=pattern.actions,
            since=pattern.since,
            detected_at=pattern.occurred_at,
        )
        await session.execute(statement.on_conflict_do_nothing())
    return await _fold([event for event in events if not isinstance(event, PatternDetected)], session)


@consumes(router, AssessmentRecorded, AssessmentWithdrawn)
async def keep_assessments(
    events: Sequence[AssessmentRecorded | AssessmentWithdrawn], session: AsyncSession
) -> list[Event]:
    """Keep a narrow row for each assessment, so that a case id finds what arrived about it."""
    newest: dict[object, AssessmentRecorded | AssessmentWithdrawn] = {}
    for event in events:
        known = newest.get(event.assessment_id)
        if known is None or known.version <= event.version:
            newest[event.assessment_id] = event
    recorded = [event for event in newest.values() if isinstance(event, AssessmentRecorded)]
    withdrawn = [event for event in newest.values() if isinstance(event, AssessmentWithdrawn)]
    if recorded:
        await session.execute(_KEEP_ASSESSMENTS, _columns(recorded))
    for event in sorted(withdrawn, key=lambda each: each.assessment_id):
        await session.execute(
            sa.update(Assessment)
            .where(sa.column("assessment_id") == event.assessment_id, sa.column("version") <= event.version)
            .values(withdrawn=True, version=event.version)
        )
    return []


@consumes(router, ChildLinked, ChildUnlinked)
async def keep_case_ids(events: Sequence[ChildLinked | ChildUnlinked], session: AsyncSession) -> list[Event]:
    """Keep which case a pseudonym stands for, until it is erased."""
    newest = {event.child_id: event for event in events}
    # Sorted, so that two writers of the same children cannot deadlock.
    for child_id, event in sorted(newest.items()):
        case_id = event.case_id if isinstance(event, ChildLinked) else None
        statement = insert(Child).values(child_id=child_id, version=event.version, case_id=case_id)
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=["child_id"],
                set_={"case_id": statement.excluded.case_id, "version": statement.excluded.version},
                where=_not_older(statement.excluded.version, event),
            )
        )
    return []


def _not_older(version: sa.ColumnElement[int], event: ChildLinked | ChildUnlinked) -> sa.ColumnElement[bool]:
    """An erasure always wins, since a tombstone has no body and may carry no version of its own."""
    return sa.true() if isinstance(event, ChildUnlinked) else sa.literal_column("child.version") <= version


@every(router, seconds=60, name="figures")
async def measure(now: datetime, session: AsyncSession) -> list[Event]:
    """Show the figures of the newest open programme to whoever watches the system."""
    everything = await board.with_programme(session, WATCHER, Filters())
    for code, figure in compute(await board.facts_for(session, WATCHER, everything, now)).items():
        FIGURE.labels(code).set(nan if figure.value is None else figure.value)
    return []


async def _fold(events: Sequence[Event], session: AsyncSession) -> list[Event]:
    """Fold each event into its row, and tell the open pages."""
    fresh: dict[type[Projection], dict[tuple[object, ...], Projection]] = defaultdict(dict)
    folded = [(event, row_for(event)) for event in events if isinstance(event, FoldedEvent)]
    for _, row in folded:
        fresh[type(row)].setdefault(key_of(row), row)
    for table, rows in fresh.items():
        for stored in await _locked(session, table, list(rows)):
            rows[key_of(stored)] = stored
        session.add_all(rows.values())
    for event, row in folded:
        fresh[type(row)][key_of(row)].fold(event)
    await session.flush()
    await notify(session, CHANGED, "")
    return []


async def _locked(
    session: AsyncSession, table: type[Projection], keys: Sequence[tuple[object, ...]]
) -> Sequence[Projection]:
    """The stored rows with these keys, locked in the order of the keys so that two replicas cannot deadlock."""
    key = sa.tuple_(*(sa.column(name) for name in key_columns(table)))
    query = sa.select(table).where(key.in_(keys)).order_by(key).with_for_update()
    return (await session.execute(query)).scalars().all()


def _columns(recorded: Sequence[AssessmentRecorded]) -> dict[str, list[object]]:
    return {
        "ids": [event.assessment_id for event in recorded],
        "versions": [event.version for event in recorded],
        "children": [event.child_id for event in recorded],
        "kinds": [event.kind for event in recorded],
        "days": [event.authorised_on for event in recorded],
        "teams": [event.team_id for event in recorded],
    }


# One statement for a batch of five hundred: a row a statement would be ten times slower. Sorted, as everywhere.
_KEEP_ASSESSMENTS = sa.text(
    """
    INSERT INTO assessment (assessment_id, version, child_id, kind, authorised_on, team_id, withdrawn)
    SELECT *, false FROM unnest(
        cast(:ids AS uuid[]), cast(:versions AS int[]), cast(:children AS uuid[]), cast(:kinds AS text[]),
        cast(:days AS date[]), cast(:teams AS text[])
    ) AS fresh(assessment_id, version, child_id, kind, authorised_on, team_id)
    ORDER BY assessment_id
    ON CONFLICT (assessment_id) DO UPDATE SET
        version = excluded.version, child_id = excluded.child_id, kind = excluded.kind,
        authorised_on = excluded.authorised_on, team_id = excluded.team_id, withdrawn = false
    WHERE assessment.version <= excluded.version
    """
)
