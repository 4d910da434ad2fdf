"""Real Kafka and PostgreSQL for tests: started when a test first asks, on free ports, in a folder of their own.

`CASELOOP_TEST_BACKEND` chooses where they come from: `embedded` (the default; wheels and jars) or `containers`
(testcontainers, where Docker answers).
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy.local.kafka import Kafka
from deploy.local.postgres import DATABASE, NOT_DURABLE, SUPERUSER, Cluster, Postgres
from deploy.local.process import Program, Running
from deploy.local.reaper import Reaper

SERVICES = ("intake", "audit", "remedial", "reporting")
READY_SECONDS = 60
MEMORY = Path("/dev/shm")
"""Where files cost no disk. Copies of databases are made a dozen times faster there."""
ENOUGH_MEMORY_BYTES = 2 * 1024**3


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

    async def configure(self, name: str, config: Mapping[str, str]) -> None:
        """Change what a topic allows."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs=dict(config))])
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


class Superuser:
    """One connection of the cluster's superuser for the whole run, in a thread: a process for each statement is slow.

    It may be used from tests that run in a loop of their own, and connects again after the server was stopped.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._loop = asyncio.new_event_loop()
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._thread = Thread(target=self._loop.run_forever, name="superuser", daemon=True)
        self._thread.start()

    def run(self, statement: str) -> None:
        """Run one statement."""
        asyncio.run_coroutine_threadsafe(self._run(statement), self._loop).result()

    def close(self) -> None:
        """Say goodbye, whether or not the server still listens."""
        asyncio.run_coroutine_threadsafe(self._disconnect(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _run(self, statement: str) -> None:
        if self._connection is None or self._connection.is_closed():
            address = self._cluster.url(SUPERUSER, self._cluster.password, SUPERUSER)
            self._connection = await asyncpg.connect(address.replace("+asyncpg", ""))
        await self._connection.execute(statement)

    async def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.terminate()


@dataclass
class PostgresForTests:
    """A cluster shared by the whole run: keep to databases of your own."""

    cluster: Cluster
    superuser: Superuser
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
        self.superuser.run(f'DROP DATABASE IF EXISTS "{database.name}" WITH (FORCE)')

    def template(self, name: str, prepare: Callable[[Database], None]) -> str:
        """The name of a template that `prepare` filled once in this run, such as with migrated schemas."""
        full_name = f"template_{name}"
        if full_name not in self._templates:
            self._copy(DATABASE, full_name)
            prepare(Database(full_name, self.cluster))
            self._templates.add(full_name)
        return full_name

    def _copy(self, template: str, name: str) -> None:
        self.superuser.run(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')


@contextmanager
def home(where: Path | None = None) -> Iterator[Path]:
    """A folder for this run's servers, gone afterwards; under `where`, or where temporary files go."""
    folder = Path(tempfile.mkdtemp(prefix="caseloop-test-", dir=where))
    # PostgreSQL may run under another account, which must be able to enter
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def memory() -> Path | None:
    """Where files stay in memory, if there is enough of it; a container has little unless it is told otherwise."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH_MEMORY_BYTES
    return MEMORY if roomy else None


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
def postgres_for_tests(
    folder: Path, reaper: Reaper, data_in: Path | None = None, settings: Mapping[str, str] = NOT_DURABLE
) -> Iterator[PostgresForTests]:
    """The cluster of this run, with the services' roles; each one's password is its name.

    Its data lies under `data_in` where that is given, for tests in memory; a measurement keeps it on disk, and one
    that wants it as it is deployed asks for no `settings` of its own.
    """
    if in_containers():
        with _postgres_container() as cluster:
            yield from _ready(cluster)
        return
    (port,) = free_ports(1)
    with home(data_in or folder) as data:
        cluster_files = Postgres(data / "postgres", port, "postgres", settings)
        cluster_files.prepare()
        server = Server(cluster_files.program(), folder / "postgres.log", reaper)
        server.start()
        try:
            yield from _ready(cluster_files.cluster, server)
        finally:
            server.stop()


def _ready(cluster: Cluster, server: Server | None = None) -> Iterator[PostgresForTests]:
    cluster.bootstrap({service: service for service in SERVICES})
    superuser = Superuser(cluster)
    try:
        yield PostgresForTests(cluster, superuser, server)
    finally:
        superuser.close()


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
