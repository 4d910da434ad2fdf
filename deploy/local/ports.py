"""One origin, and every other port of a stack derived from it: two stacks with other origins never meet."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.local.refusal import Refused

SERVICES = ("intake", "audit", "remedial", "reporting")
LOOPBACK = "127.0.0.1"
DEFAULT_ORIGIN = 8080
FIRST_SERVICE = 4
HIGHEST = 65535 - FIRST_SERVICE - len(SERVICES)


@dataclass(frozen=True)
class Ports:
    """The ports of one stack."""

    origin: int

    @classmethod
    def from_environment(cls) -> Ports:
        """CASELOOP_PORT, or 8080; Refused when it is no port with room above it."""
        text = os.environ.get("CASELOOP_PORT", str(DEFAULT_ORIGIN))
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= HIGHEST:
            raise Refused(f"CASELOOP_PORT must be a number from 1 to {HIGHEST}, not {text!r}")
        return cls(int(text))

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.origin}"

    @property
    def kafka(self) -> int:
        return self.origin + 1

    @property
    def kafka_controller(self) -> int:
        return self.origin + 2

    @property
    def postgres(self) -> int:
        return self.origin + 3

    def service(self, name: str) -> int:
        """The port of one of the four services."""
        return self.origin + FIRST_SERVICE + SERVICES.index(name)

    def by_name(self) -> Mapping[str, int]:
        """Every port that must be free, by what listens there."""
        return {
            "pages": self.origin,
            "kafka": self.kafka,
            "kafka's controller": self.kafka_controller,
            "postgres": self.postgres,
            **{name: self.service(name) for name in SERVICES},
        }

    def require_free(self) -> None:
        """Refused, naming the first port that something else listens on."""
        for name, port in self.by_name().items():
            if is_taken(port):
                raise Refused(f"port {port} ({name}) is taken: choose another origin with CASELOOP_PORT")


def is_taken(port: int) -> bool:
    """Whether a listener of ours could not have this port of loopback now."""
    with socket.socket() as probe:
        # As our servers do: a port of connections that closed a moment ago is free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False
