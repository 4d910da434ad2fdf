"""The whole stack, in the order in which it starts and stops.

Kafka and PostgreSQL start side by side; the topics follow the one, roles, schemas and migrations the other; then the
four services at once, and Caddy in front. It stops the other way round.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import caddy, services, topics
from deploy.local.home import Home
from deploy.local.kafka import Kafka
from deploy.local.ports import SERVICES, Ports
from deploy.local.postgres import Postgres
from deploy.local.process import Program, Running
from deploy.local.reaper import Reaper
from deploy.local.refusal import Failed

READY_SECONDS = 180
"""A slow machine is no reason to give up; one that hangs is."""
LOG_LIMIT_BYTES = 20 * 1024 * 1024
Apps = Mapping[str, str]
"""The ASGI application of each service, as `module:name`."""

APPS: Apps = {name: f"services.{name}.app:app" for name in SERVICES}


@dataclass
class Stack:
    """Every process of one home."""

    home: Home
    ports: Ports
    reaper: Reaper
    stopping: threading.Event = field(default_factory=threading.Event)
    say: Callable[[str], None] = lambda _: None
    """Where a line goes about each part that is ready."""
    with_demo: bool = False
    """Drive the synthetic council's life through it once it is ready."""
    apps: Apps = field(default_factory=lambda: APPS)
    migrate: Callable[[Mapping[str, str], Path], None] = services.migrate
    running: dict[str, Running] = field(default_factory=dict)

    def start(self) -> None:
        """Start everything and return once all of it is ready; Failed, in one line, when a part does not come."""
        with ThreadPoolExecutor(len(SERVICES)) as pool:
            _all(pool.submit(self._start_kafka), pool.submit(self._start_postgres))
            started = [pool.submit(self._start_and_wait, self.service(name)) for name in SERVICES]
            _all(*started, pool.submit(self._start_and_wait, self.caddy()))
        if self.with_demo:
            self.launch(services.demo(services.environment(self.home, self.ports)))

    def stop(self) -> None:
        """Stop everything that runs, in reverse, each within its patience."""
        _stop(self.running[name] for name in ("demo", "caddy", *SERVICES) if name in self.running)
        _stop(self.running[name] for name in ("kafka", "postgres") if name in self.running)
        for running in self.running.values():
            self.reaper.forget(running.process.pid)
        self.running.clear()

    def launch(self, program: Program) -> Running:
        """Start one process, its output going to its log."""
        log = self.home.log(program.name)
        with contextlib.suppress(FileNotFoundError):
            if log.stat().st_size > LOG_LIMIT_BYTES:
                log.replace(log.with_suffix(".old.log"))
        with log.open("ab") as output:
            running = program.start(output)
        self.reaper.watch(running.process.pid)
        self.running[program.name] = running
        return running

    @property
    def kafka(self) -> Kafka:
        return Kafka(self.home.kafka, self.ports.kafka, self.ports.kafka_controller)

    @property
    def postgres(self) -> Postgres:
        return Postgres(self.home.postgres, self.ports.postgres, self.home.password("postgres"))

    def service(self, name: str) -> Program:
        """One of the four services, which is told of its own database only."""
        settings = {
            **services.environment(self.home, self.ports),
            **services.databases(self.home, self.postgres, [name]),
        }
        return services.program(name, self.apps[name], self.ports, settings)

    def caddy(self) -> Program:
        """The origin."""
        return caddy.program(self.ports, self.home.path / "run")

    def _start_kafka(self) -> None:
        self.kafka.prepare()
        self._start_and_wait(self.kafka.program())
        topics.apply_file(self.kafka.bootstrap)

    def _start_postgres(self) -> None:
        self.postgres.prepare()
        self._start_and_wait(self.postgres.program())
        self.postgres.cluster.bootstrap(self.home.passwords())
        began = time.monotonic()
        self.migrate(services.databases(self.home, self.postgres), self.home.log("migrate"))
        self.say(f"the schemas are up to date after {time.monotonic() - began:.1f} s")

    def _start_and_wait(self, program: Program) -> None:
        began = time.monotonic()
        running = self.launch(program)
        try:
            running.wait_until_ready(READY_SECONDS, self.stopping.is_set)
        except Failed as error:
            raise Failed(f"{error}: see {self.home.log(program.name)}") from error
        self.say(f"{program.name} is ready after {time.monotonic() - began:.1f} s")


def _stop(running: Iterable[Running]) -> None:
    """Ask all of them first, so that their patience runs side by side."""
    asked = list(running)
    for one in asked:
        one.ask_to_stop()
    with ThreadPoolExecutor(max(1, len(asked))) as pool:
        list(pool.map(Running.stop, asked))


def _all(*futures: Future[None]) -> None:
    """Wait for every one, then raise what went wrong first."""
    errors = [error for future in futures if (error := future.exception())]
    if errors:
        raise errors[0]
