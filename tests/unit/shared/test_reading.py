"""A record as an event: what is read, from outside in forms that are not ours too, and what is said of the rest."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID

import pytest

from shared.events import ChildUnlinked, CmsAssessmentAuthorised, CmsEvent, Event, Topic, events_of
from shared.messaging.codec import Received, StoredRecord, Unreadable, decode

FOUR = datetime(2026, 1, 5, 16, tzinfo=UTC)
SAID: dict[str, object] = {
    "occurred_at": "2026-01-05T16:00:00Z",
    "council": "999",
    "id": "A1",
    "child": "C1",
    "started_on": "2025-11-20",
    "authorised_on": "2026-01-05",
}


def read(value: bytes | None, kind: type[Event] = CmsAssessmentAuthorised, *, outside: bool) -> Received | Unreadable:
    """A record of this kind with this body."""
    headers = [("ce_type", kind.type().encode()), ("ce_id", b"1"), ("ce_time", b"2026-01-05T16:00:00+00:00")]
    record = StoredRecord(kind.topic.value, 0, 1, str(UUID(int=7)).encode(), value, [*headers, ("version", b"12")])
    return decode(record, frozenset({kind.type()}), outside=outside)


def sent(changes: dict[str, object], *, outside: bool = True) -> Received | Unreadable:
    """A record of the case management system, in which something is other than it should be."""
    return read(json.dumps(SAID | changes).encode(), outside=outside)


MEANT = [
    ("an instant without seconds", {"occurred_at": "2026-01-05T16:00Z"}, FOUR),
    ("an instant with seven places", {"occurred_at": "2026-01-05T16:00:00.0000000Z"}, FOUR),
    ("an instant of another zone", {"occurred_at": "2026-01-05T17:00:00+01:00"}, FOUR),
    ("an instant with a blank", {"occurred_at": "2026-01-05 16:00:00Z"}, FOUR),
    ("seconds since 1970", {"occurred_at": 1767628800}, FOUR),
    ("milliseconds since 1970", {"occurred_at": 1767628800000}, FOUR),
    ("a date as its midnight", {"authorised_on": "2026-01-05T00:00:00"}, date(2026, 1, 5)),
    ("a date as its midnight in Greenwich", {"authorised_on": "2026-01-05T00:00:00.000Z"}, date(2026, 1, 5)),
    ("a number as text", {"version": "3"}, 3),
    ("a number with a point", {"version": 3.0}, 3),
    ("a yes as text", {"child_seen": "true"}, True),
    ("a no as a number", {"child_seen": 0}, False),
    ("a word that is unknown", {"worker": "w-1", "a_field_of_theirs": {"deep": [1, None]}}, "w-1"),
]


@pytest.mark.parametrize(("changes", "fact"), [each[1:] for each in MEANT], ids=[each[0] for each in MEANT])
def test_what_comes_from_outside_is_read_as_it_is_meant(changes: dict[str, object], fact: object) -> None:
    got = sent(changes)
    assert isinstance(got, Received)
    assert getattr(got.event, next(iter(changes))) == fact


def test_a_number_that_is_none_in_an_unknown_field_is_passed_over() -> None:
    got = read(json.dumps(SAID).replace("}", ', "score": NaN}').encode(), outside=True)
    assert isinstance(got, Received)


@pytest.mark.parametrize("kind", events_of(Topic.CMS_ASSESSMENTS), ids=lambda kind: kind.type())
def test_every_event_from_outside_has_a_second_reading(kind: type[CmsEvent]) -> None:
    got = read(b'{"version": "3"}', kind, outside=True)
    assert isinstance(got, Unreadable)
    assert (got.reason, got.place) == ("missing", "occurred_at")


REFUSED = [
    ("no time zone", {"occurred_at": "2026-01-05T16:00:00"}, "no_time_zone", "occurred_at"),
    ("a date for an instant", {"occurred_at": "2026-01-05"}, "no_time_zone", "occurred_at"),
    ("an instant for a date", {"authorised_on": "2026-01-05T10:00:00"}, "wrong_form", "authorised_on"),
    ("a date as in England", {"authorised_on": "05/01/2026"}, "wrong_form", "authorised_on"),
    ("nothing for a date", {"authorised_on": None}, "wrong_type", "authorised_on"),
    ("a number for an id", {"id": 5}, "wrong_type", "id"),
    ("an empty id", {"id": ""}, "wrong_length", "id"),
    ("an id of 65 characters", {"id": "\U0001f600" * 65}, "wrong_length", "id"),
    ("a council of four digits", {"council": "9999"}, "wrong_form", "council"),
    ("a version below one", {"version": 0}, "too_small", "version"),
    ("half a version", {"version": 3.5}, "wrong_type", "version"),
    ("words for a yes", {"child_seen": "Maisie"}, "wrong_type", "child_seen"),
    ("words for factors", {"factors": "Maisie"}, "wrong_type", "factors"),
    ("a list within factors", {"factors": ["1A", ["Maisie"]]}, "wrong_type", "factors.1"),
    ("too many factors", {"factors": ["1A"] * 65}, "wrong_length", "factors"),
    ("two things wrong, one of form", {"authorised_on": "2026-01-05T00:00:00", "id": ""}, "wrong_length", "id"),
]


@pytest.mark.parametrize(
    ("changes", "reason", "place"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED]
)
def test_what_cannot_be_read_is_named_by_its_place_and_never_by_its_value(
    changes: dict[str, object], reason: str, place: str
) -> None:
    got = sent(changes)
    assert isinstance(got, Unreadable)
    assert (got.reason, got.place) == (reason, place)


NO_EVENT = [
    ("nothing", b"", "json_invalid"),
    ("half a document", b'{"child": "Maisie', "json_invalid"),
    ("two documents", json.dumps(SAID).encode() * 2, "json_invalid"),
    (
        "bytes that are no text",
        b'{"child": "\xff"}',
        "json_invalid",
    ),
    ("a field of bytes", json.dumps(SAID).encode()[:-1] + b', "theirs": "\xff"}', "json_invalid"),
    ("a list", b"[]", "wrong_type"),
    ("one thing said twice", json.dumps(SAID).encode()[:-1] + b', "child" \t: "C2"}', "said_twice"),
    ("one thing said twice within another", b'{"theirs": {"a": 1, "a": 1}}', "said_twice"),
    ("half a character", json.dumps({**SAID, "outcome": "\ud83d"}).encode(), "json_invalid"),
    ("a document without an end", b'{"a":' * 50_000, "RecursionError"),
]


@pytest.mark.parametrize(("value", "reason"), [each[1:] for each in NO_EVENT], ids=[each[0] for each in NO_EVENT])
def test_what_is_no_event_at_all_is_unreadable(value: bytes, reason: str) -> None:
    got = read(value, outside=True)
    assert isinstance(got, Unreadable)
    assert (got.reason, got.place) == (reason, "body")


@pytest.mark.parametrize("changes", [{"version": "3"}, {"authorised_on": "2026-01-05T00:00:00"}])
def test_what_caseloop_itself_writes_is_read_as_it_stands(changes: dict[str, object]) -> None:
    assert isinstance(sent(changes, outside=False), Unreadable)
    assert isinstance(sent({}, outside=False), Received)


def test_an_erasure_is_read_from_its_key_and_its_headers() -> None:
    got = read(None, ChildUnlinked, outside=False)
    assert isinstance(got, Received)
    assert got.event == ChildUnlinked(occurred_at=FOUR, version=12, child_id=UUID(int=7))


def test_a_zone_of_the_sender_is_kept_as_it_was_said() -> None:
    got = sent({"occurred_at": "2026-01-05T12:30:00-03:30"})
    assert isinstance(got, Received)
    assert got.event is not None
    assert got.event.occurred_at.utcoffset() == timedelta(hours=-3, minutes=-30)
    assert got.event.occurred_at.tzinfo == timezone(timedelta(hours=-3, minutes=-30))
