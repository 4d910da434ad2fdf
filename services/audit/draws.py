"""Drawing: one theme while its row is locked, and what has been decided there and not yet published.

The rules are `domain.sampling`'s; here their state is kept, and every decision is published in its sequence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.domain.sampling import Outcome, ThemeWeek
from services.audit.driving import driver
from shared.events import AssessmentRecorded, Decision, DrawEvent, DrawsDecided


class Drawn(NamedTuple):
    """A case for the sample, with how it came there."""

    case: AssessmentRecorded
    programme_id: UUID
    theme_id: str
    week: int
    priority: float
    threshold: float
    outcome: Outcome
    sampled_on: date


@dataclass
class ThemeDraw:
    """One theme while its row is locked: its open week, and what has been decided and not yet published."""

    programme_id: UUID
    theme_id: str
    target: int
    version: int
    week: ThemeWeek
    decided: list[Decision] = field(default_factory=list)

    def arrive(self, assessment_id: UUID, unit: UUID | None, priority: float) -> Outcome:
        """One eligible case arrives; its decision is noted in sequence."""
        self.week, outcome = self.week.arrive(priority)
        self.note(assessment_id, unit, priority, outcome)
        return outcome

    def note(self, assessment_id: UUID, unit: UUID | None, priority: float, outcome: Outcome) -> None:
        """Note what the week has just counted."""
        self.decided.append(
            Decision(
                assessment_id=assessment_id,
                sequence=self.week.sequence,
                priority=priority,
                outcome=outcome,
                unit=unit,
            )
        )

    def drawn(self, case: AssessmentRecorded, priority: float, outcome: Outcome, day: date) -> Drawn:
        """The case as it enters the sample."""
        week = self.week
        return Drawn(case, self.programme_id, self.theme_id, week.week, priority, week.threshold, outcome, day)

    def published(self, at: datetime) -> DrawEvent:
        """The decisions noted since the last time, as one event."""
        self.version += 1
        event = DrawsDecided(
            occurred_at=at,
            version=self.version,
            programme_id=self.programme_id,
            theme_id=self.theme_id,
            week=self.week.week,
            decisions=tuple(self.decided),
        )
        self.decided = []
        return event


async def keep(session: AsyncSession, draws: Iterable[ThemeDraw], at: datetime) -> list[DrawEvent]:
    """Store the counters of these themes and their log, and return what is to be published."""
    touched = [draw for draw in draws if draw.decided]
    events = [draw.published(at) for draw in touched]
    if touched:
        counted = [
            (
                draw.programme_id,
                draw.theme_id,
                draw.week.week,
                draw.week.done,
                draw.version,
                draw.week.arrivals,
                draw.week.drawn,
                draw.week.sequence,
                draw.week.capped,
                _text(event),
            )
            for draw, event in zip(touched, events, strict=True)
        ]
        await (await driver(session)).execute(_KEEP, DrawsDecided.type(), *zip(*counted, strict=True))
    return events


_KEEP = (
    "WITH counted AS (SELECT * FROM unnest($2::uuid[], $3::text[], $4::int[], $5::int[], $6::int[], $7::int[],"
    " $8::int[], $9::int[], $10::bool[], $11::text[])"
    " AS counted (programme_id, theme_id, week, done, version, arrivals, drawn, sequence, capped, body)),"
    " themes AS (UPDATE theme SET done = counted.done, version = counted.version FROM counted"
    " WHERE theme.programme_id = counted.programme_id AND theme.theme_id = counted.theme_id),"
    " weeks AS (UPDATE theme_week SET arrivals = counted.arrivals, drawn = counted.drawn, sequence = counted.sequence,"
    " capped = counted.capped FROM counted WHERE theme_week.programme_id = counted.programme_id"
    " AND theme_week.theme_id = counted.theme_id AND theme_week.week = counted.week)"
    " INSERT INTO draw_log (programme_id, theme_id, version, type, body)"
    " SELECT programme_id, theme_id, version, $1, body FROM counted"
)


_LOGGED = ("programme_id", "theme_id", "version", "type", "body")


async def log(session: AsyncSession, events: Sequence[DrawEvent]) -> None:
    """Keep what is published, word for word, for `verify`."""
    rows = [(event.programme_id, event.theme_id, event.version, event.type(), _text(event)) for event in events]
    await (await driver(session)).copy_records_to_table("draw_log", columns=_LOGGED, records=rows)


def _text(event: DrawEvent) -> str:
    return (event.body or b"").decode()
