"""What each service hears and says, as its AsyncAPI document; `make events` writes the snapshots."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.events import EVENTS, Topic
from tests.contracts.asyncapi import asyncapi_of, asyncapi_path, snapshot_of
from tests.support.backend import SERVICES
from tests.support.clients import client

each_service = pytest.mark.parametrize("name", SERVICES)


@each_service
def test_the_document_is_the_committed_one(name: str) -> None:
    assert json.loads(asyncapi_path(name).read_text()) == snapshot_of(name), "run: make events"


@each_service
def test_every_reference_in_the_document_leads_somewhere(name: str) -> None:
    document = asyncapi_of(name)
    for reference in _references(document):
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
        assert place


@each_service
async def test_the_service_serves_it_to_whoever_asks(name: str) -> None:
    from importlib import import_module

    async with client(import_module(f"services.{name}.app").app) as http:
        answer = await http.get(f"/{name}/asyncapi.json")
    assert answer.status_code == 200
    assert answer.json() == asyncapi_of(name)


def test_everything_that_is_said_is_heard_and_everything_heard_is_said() -> None:
    """An event that nobody publishes is waited for in vain; the case management system's come from outside."""
    said, heard = _events("send"), _events("receive")
    outside = {event.type() for event in EVENTS.values() if event.topic == Topic.CMS_ASSESSMENTS}
    assert heard - said == outside
    assert said <= {event.type() for event in EVENTS.values()}


def _events(action: str) -> set[str]:
    return {
        message["$ref"].rsplit("/", 1)[-1]
        for name in SERVICES
        for operation in asyncapi_of(name)["operations"].values()
        if operation["action"] == action
        for message in operation["messages"]
    }


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for inner in value.values() for found in _references(inner)]
    if isinstance(value, list):
        return [found for inner in value for found in _references(inner)]
    return []
