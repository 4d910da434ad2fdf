"""Every subscriber of every service is set so that it loses nothing; each line here is a loss that was seen."""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

import pytest
from faststream import AckPolicy
from faststream.kafka.subscriber.usecase import BatchSubscriber

from shared.messaging.broker import MAX_POLL_INTERVAL_MS
from shared.messaging.consumer import TIME_LIMIT_SECONDS
from shared.messaging.reading import Reader, as_records
from shared.service import Service
from tests.support.backend import SERVICES


def subscribers() -> list[Any]:
    """Every subscriber, named by its group."""
    found = []
    for name in SERVICES:
        service: Service = import_module(f"services.{name}.app").app.state.service
        for one in service.broker.subscribers:
            subscriber = cast(BatchSubscriber, one)
            found.append(pytest.param(subscriber, id=str(subscriber.group_id)))
    return found


def reader_of(subscriber: BatchSubscriber) -> Reader:
    """What takes its batches."""
    reader = getattr(subscriber.get_msg, "__self__", None)
    assert isinstance(reader, Reader)
    return reader


each_subscriber = pytest.mark.parametrize("subscriber", subscribers())


@each_subscriber
def test_what_fails_is_not_acknowledged(subscriber: BatchSubscriber) -> None:
    """The default acknowledges first: what was in hand is lost."""
    assert subscriber.ack_policy is AckPolicy.NACK_ON_ERROR


@each_subscriber
def test_offsets_are_committed_only_after_the_effects(subscriber: BatchSubscriber) -> None:
    assert subscriber._connection_args["enable_auto_commit"] is False


@each_subscriber
def test_what_was_sent_before_it_first_joined_is_heard(subscriber: BatchSubscriber) -> None:
    assert subscriber._connection_args["auto_offset_reset"] == "earliest"


@each_subscriber
def test_a_reply_to_header_of_a_sender_is_not_obeyed(subscriber: BatchSubscriber) -> None:
    """A handler's return value would be published to the topic that the sender named."""
    assert subscriber._no_reply is True


@each_subscriber
def test_what_comes_while_nothing_is_asked_for_does_not_wait(subscriber: BatchSubscriber) -> None:
    """FastStream's own sleeps after each time that it found nothing: 20 ms in 40, or an idle process kept busy."""
    assert reader_of(subscriber).next == subscriber.get_msg


@each_subscriber
def test_one_bad_record_does_not_fail_its_batch(subscriber: BatchSubscriber) -> None:
    """FastStream's own parser decodes every header of a batch, and its decoder every body."""
    assert subscriber._call_options.parser == reader_of(subscriber).parse
    assert subscriber._call_options.decoder is as_records


@each_subscriber
def test_a_transaction_ends_well_before_kafka_gives_its_partitions_away(subscriber: BatchSubscriber) -> None:
    assert subscriber._connection_args["max_poll_interval_ms"] == MAX_POLL_INTERVAL_MS
    assert 2 * TIME_LIMIT_SECONDS * 1000 < MAX_POLL_INTERVAL_MS


def test_each_subscriber_has_a_reader_of_its_own() -> None:
    """Two subscribers with one reader would tell Kafka of each other's offsets."""
    readers = {id(reader_of(one.values[0])) for one in subscribers()}
    assert len(readers) == len(subscribers())


def test_each_consumer_has_a_group_of_its_own() -> None:
    """Two consumers in one group would each see half of the topic."""
    groups = [one.values[0].group_id for one in subscribers()]
    assert len(set(groups)) == len(groups)
    assert all(str(group).startswith("caseloop.") for group in groups)
