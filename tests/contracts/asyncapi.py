"""The services' AsyncAPI documents as files, less the schemas of payloads: those are committed with the events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from shared.messaging.asyncapi import describe
from shared.messaging.endpoints import VERSION
from shared.service import Service
from tests.support.backend import SERVICES

HERE = Path(__file__).parent
Json = dict[str, Any]


def asyncapi_path(service: str) -> Path:
    """Where the committed document lies."""
    return HERE / "asyncapi" / f"{service}.json"


def asyncapi_of(name: str) -> Json:
    """The document as it stands in the code."""
    service: Service = import_module(f"services.{name}.app").app.state.service
    return describe(service.broker, service.events, service.says, VERSION)


def snapshot_of(name: str) -> Json:
    """What of the document is compared: of the schemas only which there are."""
    document = asyncapi_of(name)
    components = {**document["components"], "schemas": sorted(document["components"]["schemas"])}
    return {**document, "components": components}


def write_documents() -> Iterator[Path]:
    """Write every document; the files that changed."""
    for name in SERVICES:
        path = asyncapi_path(name)
        text = json.dumps(snapshot_of(name), indent=2, ensure_ascii=False) + "\n"
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            yield path
