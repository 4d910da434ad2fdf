"""What a service hears and says, as AsyncAPI 3: the channels from FastStream, the payloads from the vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import cleandoc
from typing import Any

import msgspec
from faststream.kafka import KafkaBroker
from faststream.specification.asyncapi import AsyncAPI
from msgspec import structs

from shared.events import Event, Fact
from shared.messaging.routing import EventRouter

Json = dict[str, Any]


def describe(broker: KafkaBroker, router: EventRouter, says: Iterable[type[Event]], version: str) -> Json:
    """The document of one service. `says` are the events that it publishes."""
    document: Json = (
        AsyncAPI(broker, title=f"Caseloop {router.service}", version=version).to_specification().to_jsonable()
    )
    document.pop("servers", None)
    document["channels"], document["operations"] = {}, {}
    document["components"] = {"messages": {}, "schemas": {}}
    for subscription in router.subscriptions:
        _describe(document, "receive", subscription.name, subscription.topic.value, subscription.events)
    spoken: dict[str, list[type[Event]]] = {}
    for event in says:
        spoken.setdefault(event.topic.value, []).append(event)
    for topic, events in sorted(spoken.items()):
        _describe(document, "send", f"{router.service}:says:{topic}", topic, events)
    return document


def _describe(document: Json, action: str, name: str, topic: str, events: Iterable[type[Event]]) -> None:
    names = [event.type() for event in events]
    document["channels"][name] = {
        "address": topic,
        "messages": {kind: {"$ref": f"#/components/messages/{kind}"} for kind in names},
        "bindings": {"kafka": {"topic": topic, "bindingVersion": "0.4.0"}},
    }
    document["operations"][name] = {
        "action": action,
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": [{"$ref": f"#/channels/{name}/messages/{kind}"} for kind in names],
    }
    for event in events:
        document["components"]["messages"][event.type()] = _message(event)
        document["components"]["schemas"] |= schemas_of(event, "#/components/schemas/{name}")


def schemas_of(event: type[Event], reference: str) -> Json:
    """The JSON Schema of an event and those of its parts, by their names; `reference` says where one finds another."""
    _, schemas = msgspec.json.schema_components([event], ref_template=reference)
    facts = {fact.__name__: fact for fact in (event, *Fact.__subclasses__())}
    for name, schema in schemas.items():
        schema["description"] = cleandoc(facts[name].__doc__ or "")
        for field in structs.fields(facts[name]):
            if field.default_factory is not msgspec.NODEFAULT:
                default = msgspec.to_builtins(field.default_factory())
                schema["properties"][field.name]["default"] = list(default) if default == () else default
    return schemas


def _message(event: type[Event]) -> Json:
    headers = ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "content-type", "version")
    return {
        "name": event.type(),
        "summary": (event.__doc__ or "").strip().split("\n")[0],
        "contentType": "application/json",
        "headers": {"type": "object", "properties": {name: {"type": "string"} for name in headers}},
        "payload": {"$ref": f"#/components/schemas/{event.type()}"},
    }
