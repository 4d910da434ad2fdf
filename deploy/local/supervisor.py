"""Keep one stack running: start it, restart what dies or hangs, stop it when told to.

The supervisor is the process that holds the home's lock. It runs in the foreground of `caseloop up`, or by itself
(`python -m deploy.local.supervisor`, detached); then the first line it writes to the pipe it was given says how the
start went.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from deploy.local.home import Home, ProcessReport, StackReport
from deploy.local.ports import Ports
from deploy.local.process import Program, Running
from deploy.local.reaper import Reaper
from deploy.local.refusal import Failed, Refused
from deploy.local.stack import Stack

WATCH_SECONDS = 0.1
LIVENESS_EVERY_SECONDS = 5.0
LIVENESS_FAILURES = 6
FIRST_BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 10.0
STEADY_SECONDS = 60.0
"""After this long without a fall, the next one is taken as the first again."""

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def backoff(falls: int) -> float:
    """Seconds to wait before the restart after the n-th fall in a row: at once, then ever longer, up to a limit."""
    return min(FIRST_BACKOFF_SECONDS * 2.0 ** (falls - 1), LONGEST_BACKOFF_SECONDS)


@dataclass
class Watched:
    """What the supervisor knows of one process."""

    restarts: int = 0
    falls: int = 0
    started: float = field(default_factory=time.monotonic)
    restart_at: float | None = None
    deaf: int = 0
    """Liveness checks in a row that had no answer."""

    def fell(self, now: float) -> None:
        """It ended: plan its restart."""
        self.falls = 1 if now - self.started > STEADY_SECONDS else self.falls + 1
        self.restart_at = now + backoff(self.falls)

    def restarted(self, now: float) -> None:
        """It runs again."""
        self.restarts += 1
        self.started = now
        self.restart_at = None
        self.deaf = 0


@dataclass
class Supervisor:
    """Watches the processes of a started stack."""

    stack: Stack
    say: Callable[[str], None]
    _watched: dict[str, Watched] = field(default_factory=dict)
    _next_liveness: float = 0.0

    def begin(self) -> None:
        """Take charge of what the stack has started, and leave word of it."""
        self._watched = {name: Watched() for name in self.stack.running}
        self._report()

    def watch(self) -> None:
        """Return when told to stop; until then restart whatever ends."""
        while not self.stack.stopping.wait(WATCH_SECONDS):
            self._round(time.monotonic())

    def _round(self, now: float) -> None:
        for name, watched in self._watched.items():
            running = self.stack.running[name]
            if watched.restart_at is not None:
                if now >= watched.restart_at:
                    self._restart(running.program, watched, now)
            elif not running.alive and not running.finished:
                self._note_fall(running, watched, now)
        if self.stack.reaper.revive(running.process.pid for running in self.stack.running.values() if running.alive):
            self.say("the reaper was ended, started another")
            self._report()
        if now >= self._next_liveness:
            self._next_liveness = now + LIVENESS_EVERY_SECONDS
            threading.Thread(target=self._check_liveness, daemon=True).start()

    def _note_fall(self, running: Running, watched: Watched, now: float) -> None:
        self.stack.reaper.forget(running.process.pid)
        watched.fell(now)
        self.say(f"{running.program.name} ended with {running.process.returncode}, restarting it")

    def _restart(self, program: Program, watched: Watched, now: float) -> None:
        self.stack.launch(program)
        watched.restarted(now)
        self._report()

    def _check_liveness(self) -> None:
        for name, watched in self._watched.items():
            running = self.stack.running[name]
            if running.program.live is None or watched.restart_at is not None:
                continue
            watched.deaf = 0 if running.program.live() else watched.deaf + 1
            if watched.deaf >= LIVENESS_FAILURES and running.alive:
                self.say(f"{name} does not answer, ending it")
                watched.deaf = 0
                running.kill()

    def _report(self) -> None:
        """Leave word of what runs for `caseloop status`."""
        processes = {
            name: ProcessReport(self.stack.running[name].process.pid, watched.restarts)
            for name, watched in self._watched.items()
        }
        processes["reaper"] = ProcessReport(self.stack.reaper.pid)
        self.stack.home.write_report(StackReport(self.stack.ports.origin, processes))


@dataclass(frozen=True)
class Voice:
    """How a supervisor speaks: `ready` once, with the address, and `say` for a line about what it does."""

    ready: Callable[[str], None]
    say: Callable[[str], None]


def run(home: Home, ports: Ports, voice: Voice, with_demo: bool = False) -> None:
    """Run a stack until a signal. Refused when this is no place for it, Failed when it does not come up."""
    stopping = threading.Event()
    for one in STOPPING:
        signal.signal(one, lambda *_: stopping.set())
    try:
        home.prepare()
        with home.held() as lock:
            ports.require_free()
            _run_held(Stack(home, ports, Reaper(lock), stopping, voice.say, with_demo), voice)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise Refused(f"the disk of {home.path} is full") from error
        raise Failed(f"the stack could not be run: {error.strerror}") from error


def _run_held(stack: Stack, voice: Voice) -> None:
    try:
        stack.home.write_report(StackReport(stack.ports.origin))
        stack.start()
        supervisor = Supervisor(stack, voice.say)
        supervisor.begin()
        # Only now: whoever is told that it is ready may ask who runs
        voice.ready(stack.ports.url)
        supervisor.watch()
    except Failed:
        if not stack.stopping.is_set():
            raise
    finally:
        stack.stop()
        stack.reaper.close()


def _to_log(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def main() -> None:
    """The detached supervisor: `pipe-number [--demo]`. Its outcome goes down the pipe, in one line of JSON."""
    pipe = int(sys.argv[1])

    def tell(**outcome: object) -> None:
        os.write(pipe, json.dumps(outcome).encode() + b"\n")
        os.close(pipe)

    voice = Voice(ready=lambda url: tell(ready=True, url=url), say=_to_log)
    try:
        run(Home.from_environment(), Ports.from_environment(), voice, with_demo="--demo" in sys.argv)
    except Refused as refusal:
        tell(refused=str(refusal))
        raise SystemExit(2) from refusal
    except Failed as failure:
        tell(failed=str(failure))
        raise SystemExit(1) from failure


if __name__ == "__main__":
    main()
