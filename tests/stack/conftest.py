"""A stack with stand-in services, in a home and at ports of its own, under the real supervisor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from deploy.local import cli, status
from deploy.local.home import REPOSITORY, Home
from deploy.local.ports import Ports, is_taken
from tests.support.backend import home as fresh_folder

CASELOOP = Path(sys.executable).with_name("caseloop")
FIRST_ORIGIN = 21500
WIDTH = 20


@dataclass
class Command:
    """What one run of the command line came to."""

    code: int
    object: Mapping[str, Any]
    complaint: str


@dataclass
class TriedStack:
    """One stack under trial."""

    home: Home
    ports: Ports
    supervisors: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        """What places a command in this stack."""
        return {**os.environ, "CASELOOP_HOME": str(self.home.path), "CASELOOP_PORT": str(self.ports.origin)}

    def up_for_real(self) -> Command:
        """Start it with the real services, as a person would."""
        return self.caseloop("up", "--detach")

    def up(self) -> Mapping[str, Any]:
        """Start it with stand-ins for the services; what it said of the start."""
        reading, writing = os.pipe()
        command = [sys.executable, "-m", "tests.stack.supervise", str(writing)]
        supervisor = subprocess.Popen(
            command, env=self.environment(), cwd=REPOSITORY, pass_fds=(writing,), start_new_session=True
        )
        self.supervisors.append(supervisor)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            outcome: Mapping[str, Any] = json.loads(pipe.readline() or "{}")
        return outcome

    def caseloop(self, *arguments: str) -> Command:
        """Run the command line with --json."""
        outcome = subprocess.run(
            [str(CASELOOP), *arguments, "--json"], env=self.environment(), capture_output=True, text=True, check=False
        )
        last = outcome.stdout.strip().splitlines()[-1:] or ["{}"]
        return Command(outcome.returncode, json.loads(last[0]), outcome.stderr)

    def caseloop_here(self, *arguments: str) -> Command:
        """The same in this process: for what ends soon, since a Python takes its time to start."""
        out, complaint = StringIO(), StringIO()
        with (
            patch.dict(os.environ, self.environment()),
            patch.object(sys, "argv", ["caseloop", *arguments, "--json"]),
            redirect_stdout(out),
            redirect_stderr(complaint),
            pytest.raises(SystemExit) as ended,
        ):
            cli.main()
        last = out.getvalue().strip().splitlines()[-1:] or ["{}"]
        return Command(int(ended.value.code or 0), json.loads(last[0]), complaint.getvalue())

    def down(self) -> None:
        """Stop it."""
        self.caseloop("down")
        for supervisor in self.supervisors:
            supervisor.wait(20)
        self.supervisors.clear()

    def pid(self, process: str) -> int:
        """The process id of a part."""
        return self.home.report().processes[process].pid

    def restarts(self, process: str) -> int:
        """How often the supervisor restarted a part."""
        return self.home.report().processes[process].restarts

    def is_ready(self) -> bool:
        """Whether every part answers just now."""
        return status.look(self.home, self.ports).ready


def free_origin() -> Ports:
    """An origin whose ports are all free."""
    origins = range(FIRST_ORIGIN, FIRST_ORIGIN + 400, WIDTH)
    return next(ports for ports in map(Ports, origins) if not any(is_taken(port) for port in ports.by_name().values()))


@pytest.fixture
def stack() -> Iterator[TriedStack]:
    """A stack that is down, and is down again afterwards."""
    with fresh_folder() as folder:
        tried = TriedStack(Home(folder), free_origin())
        yield tried
        tried.down()


@pytest.fixture(scope="module")
def running_stack() -> Iterator[TriedStack]:
    """One stack that is up, for the tests of a module that leave it whole."""
    with fresh_folder() as folder:
        tried = TriedStack(Home(folder), free_origin())
        assert tried.up()["ready"]
        yield tried
        tried.down()
