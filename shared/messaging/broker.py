"""Wires a service's consumers to Kafka through FastStream, with the settings that lose nothing.

`NACK_ON_ERROR` stands on every subscriber (set on the broker it would not reach all of them), offsets are committed
only after `Consumer.take` returned, and a consumer that never saw the topic starts at its beginning.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from aiokafka import ConsumerRecord
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.prometheus import KafkaPrometheusMiddleware
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.messaging.consumer import Consumer, MostlyBadError
from shared.messaging.routing import EventRouter

log = structlog.get_logger()

MAX_RECORDS = 500
BATCH_TIMEOUT_MS = 20
MAX_POLL_INTERVAL_MS = 300_000
SESSION_TIMEOUT_MS = 10_000
STOP_SECONDS = 5
RETRY_SECONDS = (0.5, 5.0)


async def as_bytes(message: Any) -> Any:
    """The decoder: leaves the body as it is, for one bad record must not fail its batch."""
    return message.body


def build_broker(
    router: EventRouter, engine: AsyncEngine, bootstrap: str, registry: CollectorRegistry
) -> tuple[KafkaBroker, list[Consumer]]:
    """A broker with one subscriber for each subscription, not yet started."""
    broker = KafkaBroker(
        bootstrap,
        client_id=f"caseloop-{router.service}",
        logger=None,
        middlewares=[KafkaPrometheusMiddleware(registry=registry, app_name=router.service, metrics_prefix="caseloop")],
    )
    consumers = [Consumer(subscription, engine) for subscription in router.subscriptions]
    for consumer in consumers:
        broker.subscriber(
            consumer.subscription.topic.value,
            group_id=f"caseloop.{consumer.name}",
            batch=True,
            max_records=MAX_RECORDS,
            batch_timeout_ms=BATCH_TIMEOUT_MS,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.NACK_ON_ERROR,
            no_reply=True,
            decoder=as_bytes,
            max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
            session_timeout_ms=SESSION_TIMEOUT_MS,
            title=consumer.name,
        )(_taker(consumer))
    return broker, consumers


def _taker(consumer: Consumer) -> Callable[[list[bytes], KafkaMessage], Awaitable[None]]:
    async def take(body: list[bytes], message: KafkaMessage) -> None:
        consumer.busy_since = time.monotonic()
        try:
            await consumer.take(_records(message.raw_message))
        except MostlyBadError:
            # Nothing may be acknowledged and nothing tried again: stand still, visibly, until somebody looks.
            await asyncio.Event().wait()
        finally:
            consumer.busy_since = None

    return take


def _records(raw: ConsumerRecord | Sequence[ConsumerRecord]) -> Sequence[Any]:
    return raw if isinstance(raw, tuple | list) else [raw]


async def keep_started(broker: KafkaBroker, started: asyncio.Event) -> None:
    """Start the broker, however long Kafka is away; pages are served meanwhile."""
    delay, longest = RETRY_SECONDS
    while True:
        try:
            await broker.start()
            started.set()
            return
        except Exception as error:
            log.warning("kafka_away", reason=type(error).__name__)
            await stop(broker)
        await asyncio.sleep(delay)
        delay = min(longest, delay * 2)


async def stop(broker: KafkaBroker) -> None:
    """Stop the broker, within a time limit: a Kafka that is away would keep it for ever."""
    try:
        await asyncio.wait_for(broker.stop(), STOP_SECONDS)
    except Exception as error:
        log.warning("broker_not_stopped", reason=type(error).__name__)
