"""What audit hears: finished work is ruled on and drawn, days open and close weeks, case links are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.audit import concerns, frames, leave, loops, metrics, opening, owners, sampling, weeks
from services.audit.domain.programme_file import ProgrammeError
from services.audit.settings import Settings
from shared.db import column, raw
from shared.events import (
    ActionEvent,
    AssessmentRecorded,
    AssessmentWithdrawn,
    ChildLinked,
    ChildUnlinked,
    DayOpened,
    EpisodeRecorded,
    EpisodeWithdrawn,
    Event,
    LeaveRecorded,
    LeaveRemoved,
    LoopEvent,
    Topic,
    events_of,
)
from shared.messaging import EventRouter, consumes, every, on_day
from shared.working_days import local_date

log = structlog.get_logger()
router = EventRouter("audit")


@consumes(router, AssessmentRecorded, AssessmentWithdrawn, EpisodeRecorded, EpisodeWithdrawn)
async def sample_assessments(
    events: Sequence[AssessmentRecorded | AssessmentWithdrawn | EpisodeRecorded | EpisodeWithdrawn],
    session: AsyncSession,
) -> list[Event]:
    """Rule on every finished piece of work that arrives, open an audit for each that is drawn; keep what is open."""
    episodes = [event for event in events if isinstance(event, EpisodeRecorded | EpisodeWithdrawn)]
    finished = [event for event in events if isinstance(event, AssessmentRecorded | AssessmentWithdrawn)]
    happened = await frames.follow(session, episodes) if episodes else []
    if finished:
        happened += await sampling.sample(session, finished)
    return happened


@on_day(router)
async def open_day(opened: DayOpened, session: AsyncSession) -> list[Event]:
    """Close the theme-weeks that ended, fill what they still want, open the next ones; forget leave that is over."""
    await leave.forget(session, opened.day)
    return await weeks.turn(session, opened)


@every(router, seconds=2, name="first programme")
async def open_first_programme(now: datetime, session: AsyncSession) -> list[Event]:
    """Where no programme was ever opened and the settings name a file, open that one."""
    settings = Settings()
    if settings.programme_file is None or await opening.known_programmes(session):
        return []
    try:
        _, events = await opening.open_programme(
            session,
            settings.programme_file.read_text(),
            council=settings.council,
            secret=settings.seed_secret(),
            by="settings",
            at=now,
        )
    except ProgrammeError as refused:
        # Tried again: on a first start its auditors may be on their way from the directory.
        log.warning("programme_refused", problems=[str(problem) for problem in refused.problems])
        return []
    return events


@every(router, seconds=15, name="concerns")
async def escalate_concerns(now: datetime, session: AsyncSession) -> list[Event]:
    """Tell the next of the chain about every concern that nobody has taken in hand in time."""
    return await concerns.escalate_unanswered(session, now)


@every(router, seconds=30, name="metrics")
async def count(now: datetime, session: AsyncSession) -> list[Event]:
    """Count what waits, for the metrics of the replica that leads."""
    await metrics.count(session, now, local_date(now))
    return []


_LINK = (
    "INSERT INTO child_link (child_id, case_id, version) SELECT * FROM unnest("
    "string_to_array($1, chr(31))::uuid[], $2::text[], string_to_array($3, chr(31))::int[])"
    " ON CONFLICT (child_id) DO UPDATE SET case_id = excluded.case_id, version = excluded.version"
    " WHERE child_link.version <= excluded.version"
)
"""In the order of the ids, as are the links of every batch: two consumers with the same children cannot deadlock."""


@consumes(router, ChildLinked, ChildUnlinked)
async def keep_case_links(links: Sequence[ChildLinked | ChildUnlinked], session: AsyncSession) -> list[Event]:
    """Keep the case system's id of each child for the deep link, until it is erased."""
    newest = {link.child_id: link for link in links}
    gone = [child for child, link in newest.items() if isinstance(link, ChildUnlinked)]
    connection = await raw(session)
    if gone:
        await connection.execute("DELETE FROM child_link WHERE child_id = ANY($1::uuid[])", sorted(gone))
    linked = [link for link in newest.values() if isinstance(link, ChildLinked)]
    if linked:
        linked.sort(key=lambda link: link.child_id.bytes)
        children, versions = column(link.child_id for link in linked), column(link.version for link in linked)
        await connection.execute(_LINK, children, [link.case_id for link in linked], versions)
    return []


@consumes(router, *events_of(Topic.ACTIONS))
async def keep_loops(events: Sequence[ActionEvent | LoopEvent], session: AsyncSession) -> list[Event]:
    """Keep where the loop of each audit stands, to show it beside the grade, and who has which action in hand."""
    await loops.follow(session, events)
    await owners.follow(session, events)
    return []


@consumes(router, LeaveRecorded, LeaveRemoved)
async def keep_leave(events: Sequence[LeaveRecorded | LeaveRemoved], session: AsyncSession) -> list[Event]:
    """Keep who is away, to show it while an auditor names who should act."""
    await leave.follow(session, events)
    return []
