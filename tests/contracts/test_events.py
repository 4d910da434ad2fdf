"""Promises of the vocabulary: within a version changes only add, and what was once published is still read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import yaml
from msgspec import structs

from shared.events import EVENTS, ChildLinked, Event, Fact, Topic, events_of
from shared.messaging.codec import Received, StoredRecord, decode
from tests.contracts.vocabulary import (
    GOLDEN,
    HERE,
    SCHEMAS,
    broken_promises,
    golden_path,
    golden_record,
    schema_of,
    schema_path,
    travelling,
)

TOPICS = HERE.parent.parent / "deploy" / "topics.yaml"

each_event = pytest.mark.parametrize("event", travelling(), ids=lambda event: event.type())


@each_event
def test_a_schema_only_ever_grows(event: type[Event]) -> None:
    """Incident prevented: a renamed field that half of the services still read by its old name."""
    committed = json.loads(schema_path(event).read_text())
    assert broken_promises(committed, schema_of(event)) == []


@each_event
def test_the_committed_schema_is_the_one_of_the_code(event: type[Event]) -> None:
    assert json.loads(schema_path(event).read_text()) == schema_of(event), "run: make events"


@each_event
def test_what_was_once_published_is_still_read(event: type[Event]) -> None:
    read = decode(golden_record(event), frozenset({event.type()}))
    assert isinstance(read, Received)
    assert read.event is not None
    assert read.event.key == read.key
    kept = json.loads(golden_path(event).read_text())["body"]
    body = read.event.body
    # Fields added since have their default; every one that was published is read as it was.
    assert kept == (None if body is None else {name: json.loads(body)[name] for name in kept})


@each_event
def test_a_reader_ignores_a_field_that_it_does_not_know(event: type[Event]) -> None:
    record = golden_record(event)
    if record.value is None:
        return
    later = json.dumps({**json.loads(record.value), "a_field_of_a_later_version": [1]}).encode()
    read = decode(_with_value(record, later), frozenset({event.type()}))
    assert isinstance(read, Received)
    assert read.event == _event_of(decode(record, frozenset({event.type()})))


def test_every_topic_has_events_and_every_file_an_event() -> None:
    declared = set(yaml.safe_load(TOPICS.read_text())["topics"]) - {"caseloop.clock.v1"}
    assert declared == {topic.value for topic in Topic if topic is not Topic.LOCAL}
    assert all(events_of(topic) for topic in Topic)
    assert {path.stem for path in GOLDEN.glob("*.json")} == {event.type() for event in travelling()}
    assert {path.stem for path in SCHEMAS.rglob("*.json")} == {event.type() for event in travelling()}


def test_no_field_of_the_log_could_hold_what_may_need_erasing() -> None:
    """Names of children, addresses and free text have no place in the log: only staff carry names, and texts erase."""
    suspicious = {"address", "postcode", "date_of_birth", "dob", "upn", "nhs_number", "child_name", "note", "text"}
    for event in travelling():
        assert not suspicious & set(event.__struct_fields__), event.type()
        if "name" in event.__struct_fields__:
            assert event.topic in {Topic.PEOPLE, Topic.PROGRAMMES}


def test_every_event_says_what_happened() -> None:
    assert [event for event in EVENTS.values() if not (event.__doc__ or "").strip()] == []
    assert all(issubclass(event, Fact) for event in EVENTS.values())


def test_a_removed_or_newly_required_field_breaks_the_promise() -> None:
    """The comparison itself can fail."""
    before: dict[str, Any] = {"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a"]}
    assert broken_promises(before, {"properties": {"a": {"type": "string"}}, "required": ["a"]}) == ["b is gone"]
    assert broken_promises(before, {**before, "required": ["a", "b"]}) == ["b is newly required"]
    changed = {**before, "properties": {**before["properties"], "b": {"type": "string"}}}
    assert broken_promises(before, changed) == ["b.type changed"]
    grown = {**before, "properties": {**before["properties"], "c": {"type": "string"}}}
    assert broken_promises(before, grown) == []


def _with_value(record: StoredRecord, value: bytes) -> StoredRecord:
    return StoredRecord(record.topic, record.partition, record.offset, record.key, value, record.headers)


def _event_of(read: object) -> Event | None:
    assert isinstance(read, Received)
    return read.event


def test_a_changed_copy_of_an_event_travels_as_what_it_says() -> None:
    linked = ChildLinked(occurred_at=datetime(2026, 11, 24, tzinfo=UTC), child_id=uuid4(), case_id="C-1")
    assert b'"case_id":"C-1"' in (linked.body or b"")
    assert b'"case_id":"C-2"' in (structs.replace(linked, case_id="C-2").body or b"")
