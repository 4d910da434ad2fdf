"""Real Kafka and PostgreSQL for tests: started when a test first asks, on free ports, in a folder of their own.

`CASELOOP_TEST_BACKEND` chooses where they come from: `embedded` (the default; wheels and jars) or `containers`
(testcontainers, where Docker answers).
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.kafka import Kafka
from deploy.local.postgres import DATABASE, NOT_DURABLE, SUPERUSER, Cluster, Postgres
from deploy.local.process import Program, Running
from deploy.local.reaper import Reaper

SERVICES = ("intake", "audit", "remedial", "reporting")
READY_SECONDS = 60


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on just now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@dataclass
class Server:
    """A program that tests may stop, kill and start again; the same ports, the same data."""

    program: Program
    log: Path
    reaper: Reaper
    running: Running | None = None

    def start(self) -> None:
        """Start it and wait until it is ready."""
        with self.log.open("ab") as output:
            self.running = self.program.start(output)
        self.reaper.watch(self.running.process.pid)
        self.running.wait_until_ready(READY_SECONDS)

    def stop(self) -> None:
        """Stop it kindly."""
        self._end(Running.stop)

    def kill(self) -> None:
        """kill -9."""
        self._end(Running.kill)

    def _end(self, how: Callable[[Running], None]) -> None:
        if self.running is not None:
            how(self.running)
            self.reaper.forget(self.running.process.pid)
            self.running = None


@dataclass
class KafkaForTests:
    """A broker shared by the whole run: keep to topics of your own."""

    bootstrap: str
    server: Server | None = None
    """The process, where it is ours to stop; None for a container."""

    async def topic(self, name: str = "topic", partitions: int = 12, config: Mapping[str, str] | None = None) -> str:
        """Create a topic under a name that no other test has, and return the name."""
        fresh = f"{name}.{secrets.token_hex(4)}"
        await self.create(fresh, partitions, config)
        return fresh

    async def create(self, name: str, partitions: int = 12, config: Mapping[str, str] | None = None) -> None:
        """Create a topic of exactly this name."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=dict(config or {}))])
        finally:
            await admin.close()


@dataclass(frozen=True)
class Database:
    """One fresh database with the roles and schemas of the services, empty unless its template was not."""

    name: str
    cluster: Cluster

    def url(self, service: str) -> str:
        """An address under the service's own role, whose names resolve in the service's schema."""
        return self.cluster.url(f"caseloop_{service}", service, self.name)

    @property
    def superuser_url(self) -> str:
        """An address under the cluster's superuser, who sees every schema."""
        return self.cluster.url(SUPERUSER, self.cluster.password, self.name)

    def psql(self, statement: str) -> str:
        """Run one statement as the superuser; what psql printed, unaligned and without headings."""
        return self.cluster.psql("-tAqc", statement, database=self.name)


@dataclass
class PostgresForTests:
    """A cluster shared by the whole run: keep to databases of your own."""

    cluster: Cluster
    server: Server | None = None
    """The process, where it is ours to stop; None for a container."""
    _templates: set[str] = field(default_factory=set)

    def create(self, template: str = DATABASE) -> Database:
        """A new database that is a copy of the template, made in some 20 ms."""
        name = f"test_{secrets.token_hex(6)}"
        self._copy(template, name)
        return Database(name, self.cluster)

    def drop(self, database: Database) -> None:
        """Remove it, whoever is still connected."""
        statement = f'DROP DATABASE IF EXISTS "{database.name}" WITH (FORCE)'
        self.cluster.psql("-qc", statement, database=SUPERUSER)

    def template(self, name: str, prepare: Callable[[Database], None]) -> str:
        """The name of a template that `prepare` filled once in this run, such as with migrated schemas."""
        full_name = f"template_{name}"
        if full_name not in self._templates:
            self._copy(DATABASE, full_name)
            prepare(Database(full_name, self.cluster))
            self._templates.add(full_name)
        return full_name

    def _copy(self, template: str, name: str) -> None:
        statement = f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY'
        self.cluster.psql("-qc", statement, database=SUPERUSER)


@contextmanager
def home() -> Iterator[Path]:
    """A folder for this run's servers, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="caseloop-test-"))
    # PostgreSQL may run under another account, which must be able to enter
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def reaping() -> Iterator[Reaper]:
    """A reaper for this run: even a test run that is killed leaves no server behind."""
    reaper = Reaper()
    try:
        yield reaper
    finally:
        reaper.close()


@contextmanager
def kafka_for_tests(folder: Path, reaper: Reaper) -> Iterator[KafkaForTests]:
    """The broker of this run."""
    if in_containers():
        with _kafka_container() as bootstrap:
            yield KafkaForTests(bootstrap)
        return
    port, controller_port = free_ports(2)
    broker = Kafka(folder / "kafka", port, controller_port)
    broker.prepare()
    server = Server(broker.program(), folder / "kafka.log", reaper)
    server.start()
    try:
        yield KafkaForTests(broker.bootstrap, server)
    finally:
        server.stop()


@contextmanager
def postgres_for_tests(folder: Path, reaper: Reaper) -> Iterator[PostgresForTests]:
    """The cluster of this run, with the services' roles; each one's password is its name."""
    if in_containers():
        with _postgres_container() as cluster:
            cluster.bootstrap({service: service for service in SERVICES})
            yield PostgresForTests(cluster)
        return
    (port,) = free_ports(1)
    cluster_files = Postgres(folder / "postgres", port, "postgres", NOT_DURABLE)
    cluster_files.prepare()
    server = Server(cluster_files.program(), folder / "postgres.log", reaper)
    server.start()
    try:
        cluster_files.cluster.bootstrap({service: service for service in SERVICES})
        yield PostgresForTests(cluster_files.cluster, server)
    finally:
        server.stop()


def in_containers() -> bool:
    """Whether this run asks for testcontainers."""
    return os.environ.get("CASELOOP_TEST_BACKEND", "embedded") == "containers"


@contextmanager
def _kafka_container() -> Iterator[str]:
    from testcontainers.kafka import KafkaContainer

    settings = {"KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false", "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0"}
    container = KafkaContainer().with_kraft()
    for name, value in settings.items():
        container = container.with_env(name, value)
    with container:
        yield container.get_bootstrap_server()


@contextmanager
def _postgres_container() -> Iterator[Cluster]:
    from testcontainers.postgres import PostgresContainer

    with PostgresContainer("postgres:18", username=SUPERUSER, password="postgres", dbname=SUPERUSER) as container:
        yield Cluster(container.get_container_host_ip(), int(container.get_exposed_port(5432)), "postgres")
