"""The demo council's case management system: it publishes what was finished to `cms.assessments.v1`, and forgets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Self

from aiokafka import AIOKafkaProducer

from deploy.demo.casework import event_id
from shared.events import CmsEvent, Topic
from shared.messaging.codec import encode_headers

SOURCE = "demo-council"


class CaseSystem:
    """A publisher; use it with `async with`."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def publish(self, events: Iterable[CmsEvent]) -> int:
        """Publish each and return how many, once the broker holds them all. Whatever was published before is a
        duplicate: the same record has the same event id.
        """
        sent = [await self._send(event) for event in events]
        await asyncio.gather(*sent)
        return len(sent)

    async def _send(self, event: CmsEvent) -> asyncio.Future[object]:
        headers = encode_headers(
            event_id=event_id(event),
            source=SOURCE,
            kind=event.type(),
            occurred_at=event.occurred_at,
            key=event.key,
            version=event.version,
            trace=None,
        )
        sent: asyncio.Future[object] = await self._producer.send(
            Topic.CMS_ASSESSMENTS, event.body, key=event.key.encode(), headers=headers
        )
        return sent
