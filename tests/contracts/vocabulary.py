"""The vocabulary as files: a golden example and a JSON Schema for each event that travels.

`make events` writes the schemas (and refuses one that does more than grow), and a first golden example for an event
that has none. A golden example that is there
is never rewritten: it is what somebody published once, and every later version must still read it.
"""

from __future__ import annotations

import json
import types
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import NAMESPACE_DNS, UUID, uuid5

import msgspec
from msgspec import structs

from shared.events import EVENTS, Event, Fact, Topic
from shared.messaging.asyncapi import schemas_of
from shared.messaging.codec import StoredRecord, encode_headers

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
SCHEMAS = HERE / "schemas"

EXAMPLES: dict[str, Any] = {
    "category_of_abuse": "NEG",
    "child": "C100234",
    "council": "999",
    "domain": "child's voice",
    "factors": ["16A", "3A"],
    "grade": "red",
    "id": "A55120",
    "kind": "assessment",
    "level": "practitioner",
    "lado": False,
    "name": "Example",
    "outcome": "drawn",
    "owner_id": "w-1042",
    "rag": "red",
    "severity": "high",
    "team_id": "t-assessment-1",
    "theme_id": "neglect",
    "worker_id": "w-1042",
}
"""What a field of this name holds in an example; others follow their type."""

PROSE = {"title", "description"}
"""What of a schema is for people: it may change."""

INSTANT = "2026-11-24T10:30:00Z"


class BrokenPromiseError(Exception):
    """A change that does more than add."""


def travelling() -> list[type[Event]]:
    """Every event that goes through Kafka."""
    return [event for event in EVENTS.values() if event.topic != Topic.LOCAL]


def golden_path(event: type[Event]) -> Path:
    """Where its golden example lies."""
    return GOLDEN / f"{event.type()}.json"


def schema_path(event: type[Event]) -> Path:
    """Where its committed schema lies."""
    return SCHEMAS / event.topic.value / f"{event.type()}.json"


def schema_of(event: type[Event]) -> dict[str, Any]:
    """Its JSON Schema as it stands in the code."""
    schemas = schemas_of(event, "#/$defs/{name}")
    own = schemas.pop(event.type())
    return {**own, "$defs": schemas} if schemas else own


def golden_record(event: type[Event], offset: int = 0) -> StoredRecord:
    """The golden example as Kafka would hold it, under an identity of its own."""
    kept = json.loads(golden_path(event).read_text())
    headers = encode_headers(
        event_id=UUID(kept["id"]),
        source="caseloop/999/golden",
        kind=event.type(),
        occurred_at=datetime.fromisoformat(kept["time"]),
        key=kept["key"],
        version=kept["version"],
        trace=None,
    )
    body = None if kept["body"] is None else json.dumps(kept["body"]).encode()
    return StoredRecord(event.topic.value, 0, offset, kept["key"].encode(), body, headers)


def broken_promises(before: dict[str, Any], after: dict[str, Any], place: str = "") -> list[str]:
    """What a reader or writer of the earlier schema could stumble over in the later one."""
    broken: list[str] = []
    for name, then in before.get("properties", {}).items():
        now = after.get("properties", {}).get(name)
        where = f"{place}{name}"
        broken.extend([f"{where} is gone"] if now is None else _changed(then, now, where))
    newly = set(after.get("required", ())) - set(before.get("required", ()))
    broken.extend(f"{place}{name} is newly required" for name in sorted(newly))
    for name, then in before.get("$defs", {}).items():
        broken.extend(broken_promises(then, after.get("$defs", {}).get(name, {}), f"{name}."))
    return broken


def _changed(then: dict[str, Any], now: dict[str, Any], where: str) -> list[str]:
    keys = (set(then) | set(now)) - PROSE - {"default", "enum"}
    return [f"{where}.{key} changed" for key in sorted(keys) if _bare(then.get(key)) != _bare(now.get(key))]


def _bare(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: _bare(value) for key, value in schema.items() if key not in PROSE}
    return [_bare(one) for one in schema] if isinstance(schema, list) else schema


def write() -> Iterator[Path]:
    """Write every schema, and the golden examples that are missing; the files that changed.

    BrokenPromiseError where a schema would do more than grow: that needs a new topic.
    """
    for event in travelling():
        if schema_path(event).exists():
            _keep_promises(event)
        yield from _write(schema_path(event), schema_of(event))
        if not golden_path(event).exists():
            yield from _write(golden_path(event), _golden(event))


def _keep_promises(event: type[Event]) -> None:
    broken = broken_promises(json.loads(schema_path(event).read_text()), schema_of(event))
    if broken:
        raise BrokenPromiseError(f"{event.type()}: {', '.join(broken)}")


def _write(path: Path, content: object) -> Iterator[Path]:
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    yield path


def _golden(event: type[Event]) -> dict[str, Any]:
    example = msgspec.convert(_example_of(event), event)
    body = example.body
    return {
        "id": str(uuid5(NAMESPACE_DNS, event.type())),
        "time": INSTANT,
        "key": example.key,
        "version": example.version,
        "body": None if body is None else json.loads(body),
    }


def _example_of(fact: type[Fact]) -> dict[str, Any]:
    return {field.name: _value(field.name, field.type) for field in structs.fields(fact)}


def _value(name: str, kind: Any) -> Any:
    return EXAMPLES[name] if name in EXAMPLES else _of_type(name, kind)


def _of_type(name: str, kind: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _of_type(name, next(one for one in get_args(kind) if one is not type(None)))
    if origin is Annotated:
        return _of_type(name, get_args(kind)[0])
    if origin is tuple:
        return [_of_type(name, get_args(kind)[0])]
    if origin is dict:
        return {"finding": "What was found.", "action": "What to do."}
    if isinstance(kind, type) and issubclass(kind, Fact):
        return _example_of(kind)
    return _plain(name, kind)


def _plain(name: str, kind: Any) -> Any:
    plain: dict[Any, Any] = {
        UUID: str(uuid5(NAMESPACE_DNS, name)),
        date: "2026-11-20",
        bool: True,
        int: 1,
        float: 0.25,
        str: name.replace("_", "-"),
    }
    return plain.get(kind, INSTANT)


if __name__ == "__main__":
    from tests.contracts.asyncapi import write_documents

    for changed in (*write(), *write_documents()):
        print(changed.relative_to(HERE))  # noqa: T201
