"""How a consumer's records come from FastStream: whole, as soon as they are there, and acknowledged a second's at once.

FastStream's own loop, parser and decoder each lose or delay something; what stands in their place is here, one
`Reader` for each subscriber.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import chain
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faststream.kafka.message import ConsumerProtocol, KafkaMessage

log = structlog.get_logger()

MAX_RECORDS = 1_000
"""At a time. What a batch costs whatever its size is shared by twice as many as at 500, and an event costs a twelfth
less; 2,000 would save as much again, and take intake above its 150 MB."""
LONGEST_WAIT_MS = 1_000
"""For records to come. They are taken as soon as they are there: it only says how often an idle consumer wakes."""
ACKNOWLEDGE_SECONDS = 1.0

Records = tuple[ConsumerRecord, ...]
Parser = Callable[[Records], Awaitable[KafkaMessage]]


class Reader:
    """Takes the batches of one subscriber, and tells Kafka how far they are settled: about once a second.

    At fifty events a second an acknowledgement of each batch was a seventh of all the work that an event made. A batch
    is settled before the next is taken, so that what has not been told is settled too; where a crash leaves it untold
    it comes again, and the inbox knows it.
    """

    def __init__(self) -> None:
        self._settled: dict[TopicPartition, int] = {}
        self._told_at = float("-inf")

    async def next(self, client: AIOKafkaConsumer) -> Records:
        """The next batch, the moment that there is one; empty when none came for a while."""
        if self._settled and time.monotonic() - self._told_at >= ACKNOWLEDGE_SECONDS:
            await self.acknowledge(client)
        found = await client.getmany(timeout_ms=LONGEST_WAIT_MS, max_records=MAX_RECORDS)
        return tuple(chain.from_iterable(found.values()))

    async def acknowledge(self, client: AIOKafkaConsumer) -> None:
        """Tell Kafka of what is settled, where its partitions are still ours."""
        ours = client.assignment()
        settled = {place: offset for place, offset in self._settled.items() if place in ours}
        self._settled.clear()
        self._told_at = time.monotonic()
        if not settled:
            return
        try:
            await client.commit(settled)
        except KafkaError as error:
            # Given to another replica meanwhile, where what is untold comes again
            log.warning("not_acknowledged", reason=type(error).__name__)

    def settle(self, records: Records) -> None:
        """The batch's effects are committed: it need not come again."""
        for record in records:
            self._settled[TopicPartition(record.topic, record.partition)] = record.offset + 1

    async def parse(self, records: Records, parse: Parser) -> KafkaMessage:
        """The parser: one message for the batch, with none of the records' headers read.

        FastStream's own decodes every header; one that is not UTF-8 raises before there is anything to reject, and the
        batch is lost.
        """
        message = await parse((replace(records[0], headers=(), value=b""),))
        message.raw_message = records
        message.consumer = _InHand(self, records, message.consumer)
        return message


class _InHand:
    """What FastStream commits or seeks on, once the batch was handled or has failed."""

    def __init__(self, reader: Reader, records: Records, client: ConsumerProtocol) -> None:
        self._reader, self._records, self._client = reader, records, client

    async def commit(self) -> None:
        self._reader.settle(self._records)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._client.seek(partition, offset)


async def as_records(message: KafkaMessage) -> Any:
    """The decoder: hands over the records, for one bad record must not fail its batch."""
    return message.raw_message
