"""How a stack is, asked just now: every part for itself, side by side."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from deploy.local import health, services
from deploy.local.home import Home, StackReport
from deploy.local.ports import LOOPBACK, SERVICES, Ports


@dataclass(frozen=True)
class State:
    """What was found."""

    url: str
    bootstrap: str
    answers: Mapping[str, bool]
    """Of kafka, postgres, each service and the origin: whether it does its job."""
    report: StackReport
    council: str

    @property
    def ready(self) -> bool:
        return all(self.answers.values())

    def facts(self) -> dict[str, object]:
        """The object that `status --json` prints."""
        return {
            "ready": self.ready,
            "url": self.url,
            "kafka": self.bootstrap,
            "postgres": {"ready": self.answers["postgres"]},
            "services": {name: self._of(name) for name in SERVICES},
            "council": self.council,
        }

    def in_words(self) -> str:
        """The same for a person."""
        parts = [f"  {name:<10} {'ready' if ready else 'away'}" for name, ready in self.answers.items()]
        return "\n".join([f"{self.url} is {'ready' if self.ready else 'not ready'} (council {self.council})", *parts])

    def _of(self, name: str) -> dict[str, object]:
        known = self.report.processes.get(name)
        return {
            "ready": self.answers[name],
            "pid": known.pid if known else None,
            "restarts": known.restarts if known else 0,
        }


def look(home: Home, ports: Ports) -> State:
    """Ask every part of the stack of this home; one that runs at another origin than asked is found there."""
    running = home.supervisor() is not None
    report = home.report() if running else StackReport()
    found = Ports(report.origin or ports.origin)
    checks: dict[str, Callable[[], bool]] = {
        "kafka": partial(_listens, found.kafka),
        "postgres": partial(_listens, found.postgres),
        **{name: partial(health.is_ready, found.service(name)) for name in SERVICES},
        "pages": partial(_listens, found.origin),
    }
    with ThreadPoolExecutor(len(checks)) as pool:
        asked = {name: pool.submit(check) for name, check in checks.items()} if running else {}
    answers = {name: name in asked and asked[name].result() for name in checks}
    return State(found.url, f"{LOOPBACK}:{found.kafka}", answers, report, services.council())


def _listens(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True
