"""Intake and audit as they are deployed: uvicorn processes of their own, told of their servers by the environment."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import yaml

from deploy.local import services
from deploy.local.ports import LOOPBACK, Ports
from deploy.local.refusal import Failed, Refused
from shared.access import Role, sessions
from tests.bench.directory import know_directory
from tests.bench.stage import Bench, bench, cpu, environment
from tests.bench.watch import most_memory_mb
from tests.support.backend import Server

PROGRAMME = Path(__file__).parents[2] / "services" / "audit" / "programmes" / "near-live.yaml"
NAMES = ("intake", "audit")
ORIGINS = (20_000, 32_000)


@dataclass
class Deployed:
    """Two services on the servers of a measurement, each a process that starts when it is told to."""

    servers: Bench
    ports: Ports
    running: dict[str, Server] = field(default_factory=dict)
    # One client for all: a new one reads the certificates of the world, and that would be a part of what is measured
    _client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30))

    def start(self, name: str, app: str = "", told: Mapping[str, str] | None = None) -> None:
        """Start a service and wait until it is ready; another application in its place where one is named."""
        settings = {
            **environment(self.servers.folder),
            "CASELOOP_KAFKA": self.servers.kafka.bootstrap,
            "CASELOOP_ORIGIN": self.ports.url,
            f"{name.upper()}_DATABASE_URL": self.servers.database.url(name),
            **(told or {}),
        }
        program = services.program(name, app or f"services.{name}.app:app", self.ports, settings)
        log = self.servers.folder / f"{name}.log"
        self.running[name] = Server(program, log, self.servers.reaper)
        try:
            self.running[name].start()
        except Failed as failed:
            raise SystemExit(f"{failed}\n{log.read_text()[-2000:]}") from failed

    def stop(self) -> None:
        """Stop what was started."""
        for server in self.running.values():
            server.stop()
        self.running.clear()

    def address(self, name: str) -> str:
        """Where a service's pages are."""
        return f"http://{LOOPBACK}:{self.ports.service(name)}"

    def cookie(self, person_id: str) -> str:
        """A session of one person."""
        return sessions.sign(sessions.read_key(self.servers.folder / "key"), person_id, 0)

    def open_programme(self, **stated: object) -> str:
        """Open the briefing's programme, with these keys of its file replaced; its id."""
        source = yaml.safe_load(PROGRAMME.read_text(encoding="utf-8")) | stated
        key = sessions.read_key(self.servers.folder / "key")
        cookies = {sessions.COOKIE: sessions.sign_system(key, Role.QA_MANAGER)}
        with httpx.Client(base_url=self.address("audit"), cookies=cookies, timeout=30) as client:
            answer = client.post("/audit/programmes", content=yaml.safe_dump(source))
        if not answer.is_success:
            raise SystemExit(f"the programme was not opened: {answer.text}")
        return str(answer.json()["id"])

    def measure(self, name: str, metric: str, **labels: str) -> float:
        """The sum of a metric over the lines that have these labels."""
        text = self._client.get(f"{self.address(name)}/metrics").text
        lines = re.findall(rf"^{metric}({{.*}})? (\S+)$", text, re.MULTILINE)
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(float(value) for found, value in lines if all(each in found for each in wanted))

    def cpu(self) -> float:
        """The CPU seconds that everything has used so far: both services, Kafka and PostgreSQL."""
        return sum(self.cpu_by_process().values())

    def cpu_by_process(self) -> dict[str, float]:
        """The CPU seconds that each service, Kafka and PostgreSQL have used so far."""
        servers = dict(zip(("kafka", "postgres"), self.servers.servers, strict=False))
        return {name: cpu(process) for name, process in {**self._processes(), **servers}.items()}

    def rss_mb(self) -> dict[str, int]:
        """The most memory that each service has held."""
        return {name: most_memory_mb(process) for name, process in self._processes().items()}

    def _processes(self) -> dict[str, int]:
        return {name: server.running.process.pid for name, server in self.running.items() if server.running}


@contextmanager
def deployed() -> Iterator[Deployed]:
    """Servers as they are deployed (what is committed is on the disk), a known directory, and no service yet."""
    with bench(*NAMES, settings={}) as servers:
        know_directory(servers.database, *NAMES)
        stack = Deployed(servers, free_ports())
        try:
            yield stack
        finally:
            stack.stop()


def free_ports() -> Ports:
    """A stack's ports that nothing listens on, below those that the system gives to outgoing connections."""
    while True:
        ports = Ports(random.randrange(*ORIGINS))
        with suppress(Refused):
            ports.require_free()
            return ports
