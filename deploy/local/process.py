"""One process of the stack: how it is started, asked whether it is ready, and stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from deploy.local.accounts import Account
from deploy.local.refusal import Failed

READY_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Program:
    """What to run. `ready` is cheap, never raises, and is true once the process does its job."""

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool]
    live: Callable[[], bool] | None = None
    """For a process that may hang while it runs: false for long means that only a restart helps."""
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    account: Account | None = None
    stop_with: signal.Signals = signal.SIGTERM
    once: bool = False
    """It may end by itself: exit code 0 is not a fall."""
    patience: float = 5.0
    """Seconds between asking it to stop and killing it."""

    def start(self, output: IO[bytes] | int) -> Running:
        """Start it in a session of its own, so that a terminal's Ctrl-C reaches only whoever supervises it."""
        process = subprocess.Popen(
            self.command,
            env={**os.environ, **self.environment},
            cwd=self.folder,
            user=self.account.uid if self.account else None,
            group=self.account.gid if self.account else None,
            extra_groups=[] if self.account else None,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return Running(self, process)


@dataclass
class Running:
    """A started program."""

    program: Program
    process: subprocess.Popen[bytes]

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def finished(self) -> bool:
        """Whether it ended as it was meant to."""
        return self.program.once and self.process.poll() == 0

    def wait_until_ready(self, seconds: float, given_up: Callable[[], bool] = lambda: False) -> None:
        """Return once it is ready; Failed when it ended, took longer than that, or nobody waits any more."""
        deadline = time.monotonic() + seconds
        while not self.program.ready():
            if given_up():
                raise Failed("stopped while it was starting")
            if not self.alive:
                raise Failed(f"{self.program.name} ended with exit code {self.process.returncode} before it was ready")
            if time.monotonic() > deadline:
                raise Failed(f"{self.program.name} was not ready within {seconds:.0f} s")
            time.sleep(READY_POLL_SECONDS)

    def ask_to_stop(self) -> None:
        """Send its stop signal, if it still runs."""
        if self.alive:
            self.process.send_signal(self.program.stop_with)

    def stop(self) -> None:
        """Stop it kindly, and hard when its patience is over; also what it started."""
        self.ask_to_stop()
        try:
            self.process.wait(self.program.patience)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """kill -9 for it and what it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
