"""Audit as it is deployed but for its clock, which follows the events: a year in a minute, its weeks among them.

`uvicorn tests.bench.replay:app`. The clock stands at the oldest event of the latest batches and never goes back, so
that no partition of the topic is left behind by it. The ticker asks it once a second, as ever.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.app import build
from services.audit.settings import Settings
from shared.clock import LONDON
from shared.events import Event, Topic
from shared.messaging.consumer import Consumer
from shared.service import Service
from tests.bench.england import BEGAN

LATEST = 12
"""Batches; each may hold a few partitions only."""


class EventClock:
    """A clock that is moved by what is heard."""

    def __init__(self, began: date) -> None:
        self._now = datetime(began.year, began.month, began.day, 8, tzinfo=UTC)
        self._oldest: deque[datetime] = deque(maxlen=LATEST)

    def heard(self, events: Sequence[Event]) -> None:
        """A batch was handled."""
        self._oldest.append(min(event.occurred_at for event in events))
        self._now = max(self._now, min(self._oldest))

    def now(self) -> datetime:
        return self._now

    def today(self) -> date:
        return self._now.astimezone(LONDON).date()


def _watched(consumer: Consumer, clock: EventClock) -> None:
    handler = consumer.subscription.handler

    async def handle(events: Sequence[Event], session: AsyncSession) -> Sequence[Event]:
        said = await handler(events, session)
        clock.heard(events)
        return said

    consumer.subscription = replace(consumer.subscription, handler=handle)


def replayed(began: date) -> FastAPI:
    """The application, on a clock that begins at this day."""
    clock = EventClock(began)
    built = build(Settings(), clock)
    service: Service = built.state.service
    for consumer in service.consumers:
        if consumer.subscription.topic is Topic.ASSESSMENTS:
            _watched(consumer, clock)
    return built


app = replayed(BEGAN)
