"""Intake and audit as they are deployed: uvicorn processes of their own, told of their servers by the environment."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
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


@dataclass(frozen=True)
class Replica:
    """One process of a service."""

    name: str
    server: Server
    port: int


@dataclass
class Deployed:
    """Two services on the servers of a measurement, each a process or more that start when they are told to."""

    servers: Bench
    ports: Ports
    running: list[Replica] = field(default_factory=list)
    # One client for all: a new one reads the certificates of the world, and that would be a part of what is measured
    _client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30))

    def start(self, name: str, app: str = "", told: Mapping[str, str] | None = None, replicas: int = 1) -> None:
        """Start a service and wait until it is ready; another application in its place where one is named."""
        settings = {
            **environment(self.servers.folder),
            "CASELOOP_KAFKA": self.servers.kafka.bootstrap,
            "CASELOOP_ORIGIN": self.ports.url,
            f"{name.upper()}_DATABASE_URL": self.servers.database.url(name),
            **(told or {}),
        }
        origins = [self.ports, *(free_ports() for _ in range(replicas - 1))]
        with ThreadPoolExecutor(replicas) as starting:
            list(
                starting.map(
                    lambda ports: self._start(name, app or f"services.{name}.app:app", ports, settings), origins
                )
            )

    def _start(self, name: str, app: str, ports: Ports, settings: Mapping[str, str]) -> None:
        port = ports.service(name)
        log = self.servers.folder / f"{name}-{port}.log"
        server = Server(services.program(name, app, ports, settings), log, self.servers.reaper)
        try:
            server.start()
        except Failed as failed:
            raise SystemExit(f"{failed}\n{log.read_text()[-2000:]}") from failed
        self.running.append(Replica(name, server, port))

    def stop(self) -> None:
        """Stop what was started."""
        for replica in self.running:
            replica.server.stop()
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
        """The sum of a metric over the replicas that are ready, and the lines that have these labels."""
        ports = [replica.port for replica in self.running if replica.name == name]
        text = "".join(self._client.get(f"http://{LOOPBACK}:{port}/metrics").text for port in ports)
        lines = re.findall(rf"^{metric}({{.*}})? (\S+)$", text, re.MULTILINE)
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(float(value) for found, value in lines if all(each in found for each in wanted))

    def cpu_by_process(self) -> dict[str, float]:
        """The CPU seconds that each service (all its replicas), Kafka and PostgreSQL have used so far."""
        used = defaultdict[str, float](float, zip(("kafka", "postgres"), map(cpu, self.servers.servers), strict=False))
        for name, process in self._processes():
            used[name] += cpu(process)
        return dict(used)

    def rss_mb(self) -> dict[str, int]:
        """The most memory that a process of each service has held."""
        most = defaultdict[str, int](int)
        for name, process in self._processes():
            most[name] = max(most[name], most_memory_mb(process))
        return dict(most)

    def _processes(self) -> list[tuple[str, int]]:
        running = [(replica.name, replica.server.running) for replica in self.running]
        return [(name, process.process.pid) for name, process in running if process]


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
