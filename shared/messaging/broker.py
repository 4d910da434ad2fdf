"""Wires a service's consumers to Kafka through FastStream, with the settings that lose nothing.

`NACK_ON_ERROR` stands on every subscriber (set on the broker it would not reach all of them), only what
`Consumer.take` has settled is acknowledged, about once a second, and a consumer that never saw the topic starts at its
beginning.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.prometheus import KafkaPrometheusMiddleware
from faststream.kafka.subscriber.usecase import LogicSubscriber
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.messaging import metrics
from shared.messaging.consumer import Consumer, MostlyBadError
from shared.messaging.reading import Reader, as_records
from shared.messaging.routing import EventRouter

log = structlog.get_logger()

FETCH_BYTES = 256 * 1024
"""Of each of twelve partitions, ahead of its use: some batches' worth. The client's default held four times as much."""
MAX_POLL_INTERVAL_MS = 300_000
SESSION_TIMEOUT_MS = 10_000
GRACE_SECONDS = 3.0
"""For the batch in hand when the service stops; what is not done by then is taken up again elsewhere."""
STOP_SECONDS = 6.0
RETRY_SECONDS = (0.5, 5.0)
LAG_SECONDS = 5.0


def build_broker(
    router: EventRouter, engine: AsyncEngine, bootstrap: str, registry: CollectorRegistry
) -> tuple[KafkaBroker, list[Consumer]]:
    """A broker with one subscriber for each subscription, not yet started."""
    broker = KafkaBroker(
        bootstrap,
        client_id=f"caseloop-{router.service}",
        logger=None,
        # Only the relay publishes
        consumer_only=True,
        graceful_timeout=GRACE_SECONDS,
        # Nothing may judge a batch before our own decoder does, a tombstone among it least of all
        apply_types=False,
        middlewares=[KafkaPrometheusMiddleware(registry=registry, app_name=router.service, metrics_prefix="caseloop")],
    )
    consumers = [Consumer(subscription, engine) for subscription in router.subscriptions]
    for consumer in consumers:
        subscribe(broker, consumer)
    return broker, consumers


def subscribe(broker: KafkaBroker, consumer: Consumer, max_poll_interval_ms: int = MAX_POLL_INTERVAL_MS) -> None:
    """Let the consumer take what its topic brings, in batches, acknowledged once they are settled."""
    reader = Reader()
    subscriber = broker.subscriber(
        consumer.subscription.topic.value,
        group_id=group_of(consumer),
        batch=True,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.NACK_ON_ERROR,
        no_reply=True,
        parser=reader.parse,
        decoder=as_records,
        max_partition_fetch_bytes=FETCH_BYTES,
        max_poll_interval_ms=max_poll_interval_ms,
        session_timeout_ms=SESSION_TIMEOUT_MS,
        title=consumer.name,
    )
    subscriber(_taker(consumer))
    # FastStream's own sleeps for as long as it has waited in vain, and what comes meanwhile waits too
    subscriber.get_msg = reader.next  # type: ignore[assignment, method-assign]


def group_of(consumer: Consumer) -> str:
    """Its consumer group: one for each consumer, shared by the replicas."""
    return f"caseloop.{consumer.name}"


def _taker(consumer: Consumer) -> Callable[[Any], Awaitable[None]]:
    # FastStream builds a validator from the annotation, and a protocol is none that it could use.
    async def take(records: Any) -> None:
        try:
            await consumer.take(records)
        except MostlyBadError:
            # Nothing may be acknowledged and nothing tried again: stand still, visibly, until somebody looks.
            await asyncio.Event().wait()

    return take


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
        if (task := asyncio.current_task()) is not None and task.cancelling():
            # Swallowed on the way, by a client that took it for a lost connection: a service would never have ended
            raise asyncio.CancelledError
        await asyncio.sleep(delay)
        delay = min(longest, delay * 2)


async def stop(broker: KafkaBroker) -> None:
    """Stop the broker, within a time limit: a Kafka that is away would keep it for ever."""
    try:
        await asyncio.wait_for(broker.stop(), STOP_SECONDS)
    except Exception as error:
        log.warning("broker_not_stopped", reason=type(error).__name__)


def joined(broker: KafkaBroker) -> list[tuple[LogicSubscriber[Any], AIOKafkaConsumer]]:
    """The subscribers that have started, each with its client."""
    subscribers = cast("list[LogicSubscriber[Any]]", broker.subscribers)
    return [(one, one.consumer) for one in subscribers if one.consumer is not None]


async def is_connected(broker: KafkaBroker, seconds: float) -> bool:
    """Whether Kafka answers one of the consumers within so many seconds."""
    clients = [client for _, client in joined(broker)]
    try:
        await asyncio.wait_for(clients[0].topics(), seconds)
    except (IndexError, KafkaError, TimeoutError, OSError):
        return False
    return True


def hung(broker: KafkaBroker, consumers: Sequence[Consumer], limit: float) -> list[str]:
    """The consumers whose loop ended, or that for so many seconds neither asked for records nor began a transaction.

    A consume loop that died leaves no other trace: the process lives on. One that waits for the world to come back
    tries again and again, so it is not hung, and one that stopped because its stream is bad says so elsewhere.
    """
    at_work = {group_of(consumer): consumer for consumer in consumers if consumer.stopped is None}
    found = [(at_work.get(subscriber.group_id or ""), subscriber, client) for subscriber, client in joined(broker)]
    return [
        consumer.name
        for consumer, subscriber, client in found
        if consumer is not None
        and (all(task.done() for task in subscriber.tasks) or _is_silent(client, consumer, limit))
    ]


def _is_silent(client: AIOKafkaConsumer, consumer: Consumer, limit: float) -> bool:
    trying = consumer.busy_since is not None and time.monotonic() - consumer.busy_since <= limit
    return bool(client._subscription.fetcher_idle_time > limit) and not trying


async def keep_measuring(broker: KafkaBroker) -> None:
    """Measure the lag every few seconds until cancelled."""
    while True:
        try:
            measure_lag(broker)
        except Exception as error:
            log.warning("lag_not_measured", reason=type(error).__name__)
        await asyncio.sleep(LAG_SECONDS)


def measure_lag(broker: KafkaBroker) -> None:
    """Set the lag of every partition that this replica holds; of two consumers of one topic, the larger."""
    lags: dict[tuple[str, int], int] = {}
    for _, client in joined(broker):
        for place in client.assignment():
            state = client._subscription.subscription.assignment.state_value(place)
            end = client.highwater(place)
            if end is None or not state.has_valid_position:
                continue
            behind = max(0, end - state.position)
            lags[place.topic, place.partition] = max(behind, lags.get((place.topic, place.partition), 0))
    # Cleared, so that a partition which another replica took over is not reported twice
    metrics.CONSUMER_LAG.clear()
    for (topic, partition), behind in lags.items():
        metrics.CONSUMER_LAG.labels(topic, str(partition)).set(behind)
