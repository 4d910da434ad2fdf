"""What intake hears: finished work, as a case management system publishes it on `cms.assessments.v1`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

import msgspec
import structlog
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import episodes, feeds, quarantine, recording, rematching
from services.intake.domain import cms
from services.intake.domain.context import Context
from services.intake.domain.ledger import Outcome
from services.intake.domain.refusal import Refusal
from services.intake.domain.work import Road, Submission
from services.intake.quarantine import Arrival
from services.intake.settings import Settings, keys
from shared.clock import SystemClock
from shared.events import (
    CmsAssessmentAuthorised,
    CmsContactDecided,
    CmsEnquiryEnded,
    CmsEnquiryStarted,
    CmsEpisodeRecorded,
    CmsEvent,
    CmsRecordPurged,
    CmsReferralDecided,
    Event,
)
from shared.messaging import EventRouter, consumes, every
from shared.messaging.codec import Record, Unreadable
from shared.messaging.consumer import record_of
from shared.working_days import local_date

router = EventRouter("intake")
log = structlog.get_logger()

FEED = "cms"
"""What the case management system's topic is called among the feeds."""


@lru_cache
def deployment() -> tuple[str, bytes]:
    """The council and its secret."""
    return keys(Settings())


async def quarantine_unreadable(bad: Sequence[Unreadable], session: AsyncSession) -> list[Event]:
    """Keep what could not be read: where it lies, what was wrong with it and its hash, never its values."""
    now = SystemClock().now()
    fresh = await quarantine.keep(session, deployment()[1], [_unreadable(each, now) for each in bad])
    refusals = [_REASON] * len(bad)
    await feeds.note(session, FEED, Road.CMS, feeds.tally(refusals, fresh), now)
    log.warning("records_quarantined", road=Road.CMS.value, records=len(bad))
    return []


@consumes(
    router,
    CmsAssessmentAuthorised,
    CmsReferralDecided,
    CmsContactDecided,
    CmsEnquiryStarted,
    CmsEnquiryEnded,
    CmsEpisodeRecorded,
    CmsRecordPurged,
    on_bad=quarantine_unreadable,
)
async def record_finished_work(published: Sequence[CmsEvent], session: AsyncSession) -> list[Event]:
    """Record what is new or changed; quarantine what cannot be."""
    council, key = deployment()
    read = [cms.read(event, council) for event in published]
    contexts = [each for each in read if isinstance(each, Context)]
    if contexts:
        await recording.lock_all(
            session, (council, key), (each.child for each in read if not isinstance(each, Refusal))
        )
    now = SystemClock().now()
    kept = recording.Recorded()
    if contexts:
        latest = max(
            event.occurred_at for event, each in zip(published, read, strict=True) if isinstance(each, Context)
        )
        kept = await episodes.keep(session, (council, key), contexts, local_date(latest), latest)
    recorded = await recording.record(session, [each for each in read if isinstance(each, Submission)], (council, key))
    heard, around = iter(recorded.outcomes), iter(kept.outcomes)
    outcomes: list[Outcome | Refusal] = [
        each if isinstance(each, Refusal) else next(around if isinstance(each, Context) else heard) for each in read
    ]
    refused = [
        _implausible(event, outcome, record_of(session, event), now)
        for event, outcome in zip(published, outcomes, strict=True)
        if isinstance(outcome, Refusal)
    ]
    fresh = await quarantine.keep(session, key, refused)
    await feeds.note(session, FEED, Road.CMS, feeds.tally(outcomes, fresh), now)
    return [*kept.events, *recorded.events]


@every(router, seconds=5, name="feeds")
async def fold_feeds(now: datetime, session: AsyncSession) -> list[Event]:
    """Say what each feed brought."""
    return await feeds.fold(session)


@every(router, seconds=60, name="silence")
async def watch_feeds(now: datetime, session: AsyncSession) -> list[Event]:
    """Say which feeds have fallen silent."""
    return await feeds.watch(session, now)


@every(router, seconds=60, name="unmatched")
async def count_unmatched(now: datetime, session: AsyncSession) -> list[Event]:
    """Say how many workers and teams the directory lacks, when that has changed."""
    return await rematching.count(session, now)


@every(router, seconds=5, name="rematch")
async def rematch(now: datetime, session: AsyncSession) -> list[Event]:
    """Tell anew what names workers or teams that the directory has come to know."""
    return await rematching.rematch(session, deployment(), now)


_REASON = Refusal("unreadable", "body", "It could not be read")


def _unreadable(bad: Unreadable, now: datetime) -> Arrival:
    record = bad.record
    return Arrival(
        road=Road.CMS,
        sender=FEED,
        refusal=Refusal(f"unreadable_{bad.reason}"[:64], bad.place, f"It could not be read: {bad.place} is wrong"),
        content=record.value or b"",
        came_at=now,
        place=_place(record) | {"sha256": hashlib.sha256(record.value or b"").hexdigest()},
    )


def _place(record: Record) -> dict[str, str | int]:
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}


def _implausible(event: CmsEvent, refusal: Refusal, record: Record | None, now: datetime) -> Arrival:
    return Arrival(
        road=Road.CMS,
        sender=FEED,
        refusal=refusal,
        content=msgspec.json.encode(structs.asdict(event)),
        came_at=now,
        kind=cms.correctable(event, refusal),
        place={"record": event.type()} | (_place(record) if record else {}),
        fields=cms.kept(event, refusal),
        as_of=cms.day(event),
    )
