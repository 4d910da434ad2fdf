"""CloudEvents in Kafka's binary mode: an event to headers and body, a record back to an event."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol, get_type_hints
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from pydantic import BaseModel, create_model

from shared.events import EVENTS, Event
from shared.uuids import uuid_of

Headers = Sequence[tuple[str, bytes | None]]

VALUE_LIMIT = 1024 * 1024
"""Bytes; what is larger was never written by the relay and is not parsed."""


class Record(Protocol):
    """What of a Kafka record is needed here."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record kept in the database or made by a test."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Received(msgspec.Struct, frozen=True):
    """A record that could be read: its identity and its event, none where the type is not one we listen for.

    `trace` is the W3C `traceparent` under which the event was said.
    """

    record: Record
    event_id: UUID
    key: str
    event: Event | None
    trace: bytes | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that could not be read: the reason's type and its place, never the values."""

    record: Record
    key: str
    reason: str
    place: str


def encode_headers(
    *, event_id: UUID, source: str, kind: str, occurred_at: datetime, key: str, version: int, trace: str | None
) -> list[tuple[str, bytes | None]]:
    """The CloudEvents attributes of one event as Kafka headers."""
    headers: list[tuple[str, bytes | None]] = [
        _SPECIFICATION,
        _CONTENT,
        ("ce_id", str(event_id).encode()),
        ("ce_source", source.encode()),
        ("ce_type", kind.encode()),
        ("ce_time", occurred_at.astimezone(UTC).isoformat().encode()),
        ("ce_subject", key.encode()),
        ("version", b"%d" % version),
    ]
    if trace:
        headers.append(("traceparent", trace.encode()))
    return headers


_SPECIFICATION = ("ce_specversion", b"1.0")
_CONTENT = ("content-type", b"application/json")


class _Bad(Exception):  # noqa: N818
    """Why a record cannot be read, and where."""

    def __init__(self, reason: str, place: str) -> None:
        self.reason = reason
        self.place = place


def decode(record: Record, listened: frozenset[str], *, outside: bool = False) -> Received | Unreadable:
    """Read one record, whatever is in it: nothing that a sender can write raises here.

    An unknown or unlistened type is `Received` without an event: counted and skipped. From outside it is unreadable, as
    is a body that says one thing twice: nobody there would learn that it was passed over. What is written there in
    another form than ours is read as it is meant.
    """
    # PostgreSQL's text has no NUL
    key = (record.key or b"").decode("utf-8", "replace").replace("\0", "\ufffd")
    try:
        if outside:
            _hold_strict(record, listened)
        return _read(record, key, listened, outside)
    except _Bad as bad:
        return Unreadable(record, key, bad.reason, bad.place)
    except msgspec.ValidationError as error:
        return Unreadable(record, key, *_reason_and_place(str(error)))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Unreadable(record, key, "json_invalid", "body")
    except (ValueError, OverflowError, RecursionError) as error:
        return Unreadable(record, key, type(error).__name__, "body")


def _hold_strict(record: Record, listened: frozenset[str]) -> None:
    for name, kind in record.headers:
        if name == "ce_type" and kind and kind.decode("utf-8", "replace") not in listened:
            raise _Bad("unknown_type", "ce_type")
    value = record.value
    if value is None or len(value) > VALUE_LIMIT:
        return
    # A field that we do not know is passed over unread, and what is no text with it
    value.decode()
    try:
        names = len(_NAMED(value))
    except msgspec.DecodeError:
        # No object, or no JSON: the reading itself says which
        return
    # A quick look: nearly always there are as many names as there are endings of one
    if names != value.translate(None, _BLANKS).count(b'":'):
        json.loads(value, object_pairs_hook=_each_once)


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    said = dict(pairs)
    if len(said) < len(pairs):
        raise _Bad("said_twice", "body")
    return said


_NAMED = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_BLANKS = b" \t\n\r"


def _read(record: Record, key: str, listened: frozenset[str], outside: bool) -> Received:
    if record.value is not None and len(record.value) > VALUE_LIMIT:
        raise _Bad("too_large", "body")
    headers = dict(record.headers)
    kind = (headers.get("ce_type") or b"").decode("utf-8", "replace")
    if not kind:
        raise _Bad("missing", "ce_type")
    event_id = identity(headers.get("ce_id"), headers.get("ce_source"))
    if event_id is None:
        raise _Bad("missing", "ce_id")
    if kind not in listened:
        return Received(record, event_id, key, None)
    if record.value is None:
        event = _erasure(EVENTS[kind], key, headers)
    else:
        event = _as_meant(EVENTS[kind], record.value) if outside else EVENTS[kind].read(record.value)
    return Received(record, event_id, key, event, headers.get("traceparent"))


def identity(ce_id: bytes | None, ce_source: bytes | None) -> UUID | None:
    """The event's id as a UUID: as it stands where it is one, else derived from the sender's source and id."""
    if not ce_id:
        return None
    text = ce_id.decode("utf-8", "replace")
    try:
        return uuid_of(text)
    except ValueError:
        return uuid5(NAMESPACE_URL, f"{(ce_source or b'').decode('utf-8', 'replace')}\n{text}")


def _as_meant(kind: type[Event], value: bytes) -> Event:
    """An event of another system's, which may write a date as its midnight, an instant without seconds or 3 as "3"."""
    try:
        return kind.read(value)
    except msgspec.DecodeError as refused:
        try:
            said = _forgiving(kind).model_validate_json(value)
        except ValueError:
            raise refused from None
        return msgspec.convert(said.model_dump(exclude_unset=True), kind)


@cache
def _forgiving(kind: type[Event]) -> type[BaseModel]:
    """The fields' types alone, as Pydantic reads them: slower by far, so only for what does not read as it should."""
    types = get_type_hints(kind)
    fields: dict[str, Any] = {name: (types[name], None) for name in kind.__struct_fields__}
    return create_model(kind.type(), **fields)


def _erasure(kind: type[Event], key: str, headers: dict[str, bytes | None]) -> Event:
    """An erasure has no body: what it is about is its key, and when it happened is in the headers."""
    if not kind.tombstone:
        raise _Bad("missing", "body")
    field = next(name for name in kind.__struct_fields__ if name not in Event.__struct_fields__)
    facts = {
        field: key,
        "occurred_at": (headers.get("ce_time") or b"").decode("utf-8", "replace"),
        "version": (headers.get("version") or b"1").decode("utf-8", "replace"),
    }
    return msgspec.convert(facts, kind, strict=False)


def _reason_and_place(refused: str) -> tuple[str, str]:
    """Of msgspec's sentence, which names what was expected and where, and never the value that was there."""
    reason = next((reason for words, reason in _REASONS if words in refused), "wrong_value")
    path = _STEP.findall(refused.rpartition("- at `$")[2]) if "- at `$" in refused else []
    absent = _ABSENT.search(refused)
    return reason, ".".join([*path, *(absent.groups() if absent else ())]) or "body"


_REASONS = (
    ("missing required field", "missing"),
    ("timezone", "no_time_zone"),
    ("got `", "wrong_type"),
    ("of length", "wrong_length"),
    ("matching regex", "wrong_form"),
    ("Invalid", "wrong_form"),
    (">=", "too_small"),
)
_STEP = re.compile(r"\w+")
_ABSENT = re.compile(r"missing required field `(\w+)`")
