"""A collector of traces for the tests: it keeps every export as it came, to be searched."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HEARD_AFTER_MS = 200


@dataclass
class Collector:
    """What OTLP exporters have sent so far; span names and attributes stand in it as plain UTF-8."""

    endpoint: str = ""
    exports: list[bytes] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What a service is told to send its traces here, soon."""
        return {"CASELOOP_OTLP_ENDPOINT": self.endpoint, "OTEL_BSP_SCHEDULE_DELAY": str(HEARD_AFTER_MS)}

    @property
    def everything(self) -> str:
        """All of it as text."""
        return b"\n".join(self.exports).decode(errors="replace")


@contextmanager
def collector() -> Iterator[Collector]:
    """A collector on loopback, until the block ends."""
    collected = Collector()

    class Exports(BaseHTTPRequestHandler):
        """Takes exports in."""

        def do_POST(self) -> None:
            """Keep one."""
            collected.exports.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Exports) as server:
        collected.endpoint = f"http://127.0.0.1:{server.server_port}/v1/traces"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield collected
        finally:
            server.shutdown()
