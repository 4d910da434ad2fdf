"""What a stack keeps on disk, under CASELOOP_HOME: secrets, logs, the servers' data, and who runs it now."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from deploy.local.ports import SERVICES
from deploy.local.refusal import Refused

REPOSITORY = Path(__file__).parents[2]
LEAST_FREE_BYTES = 300 * 1024 * 1024
TIDYING_SECONDS = 10.0


@dataclass(frozen=True)
class ProcessReport:
    """What a supervisor says of one process."""

    pid: int
    restarts: int = 0


@dataclass(frozen=True)
class StackReport:
    """What a supervisor says of its stack."""

    origin: int | None = None
    processes: Mapping[str, ProcessReport] = field(default_factory=dict)


@dataclass(frozen=True)
class Home:
    """One stack's folder."""

    path: Path

    @classmethod
    def from_environment(cls) -> Home:
        """CASELOOP_HOME, or `.caseloop` beside the code."""
        named = os.environ.get("CASELOOP_HOME")
        return cls(Path(named).expanduser().absolute() if named else REPOSITORY / ".caseloop")

    @property
    def kafka(self) -> Path:
        return self.path / "kafka"

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def session_key(self) -> Path:
        """The key that signs sessions."""
        return self.path / "secrets" / "session.key"

    @property
    def pseudonym_key(self) -> Path:
        """The key that makes a child's pseudonym: lost, the same child would become another."""
        return self.path / "secrets" / "pseudonym.key"

    def log(self, process: str) -> Path:
        """Where a process's output goes."""
        return self.path / "logs" / f"{process}.log"

    def password(self, role: str) -> str:
        """The database password of a role."""
        return (self.path / "secrets" / f"{role}.password").read_text()

    def passwords(self) -> dict[str, str]:
        """The database password of each service."""
        return {service: self.password(service) for service in SERVICES}

    def prepare(self) -> None:
        """Make the folder and the secrets that it lacks. Refused, in one line, when it cannot be written."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for folder in ("logs", "run"):
                (self.path / folder).mkdir(exist_ok=True)
            (self.path / "secrets").mkdir(mode=0o700, exist_ok=True)
            for name in ("postgres", *SERVICES):
                _keep_secret(self.path / "secrets" / f"{name}.password", secrets.token_urlsafe(24))
            for key in (self.session_key, self.pseudonym_key):
                _keep_secret(key, secrets.token_urlsafe(48))
            free = shutil.disk_usage(self.path).free
        except OSError as error:
            why = f"{self.path} cannot be written ({error.strerror})"
            raise Refused(f"{why}: choose another with CASELOOP_HOME") from error
        if free < LEAST_FREE_BYTES:
            raise Refused(f"the disk of {self.path} is full: {free >> 20} MB left, {LEAST_FREE_BYTES >> 20} needed")

    @contextlib.contextmanager
    def held(self) -> Iterator[int]:
        """Be the one supervisor of this folder; Refused when another is.

        Gives the descriptor of the lock. The system lets go of it when we die, and so does whoever else we gave it to.
        """
        with self._lock.open("a+") as file:
            if not self._take(file):
                raise Refused(f"a stack already runs in {self.path}: caseloop down stops it")
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield file.fileno()

    def _take(self, file: IO[str]) -> bool:
        """Take the lock; wait for it while its last holder is dead and the reaper tidies up after it."""
        deadline = time.monotonic() + TIDYING_SECONDS
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            file.seek(0)
            holder = file.read()
            if time.monotonic() > deadline or (holder and is_alive(int(holder))):
                return False
            time.sleep(0.1)

    def supervisor(self) -> int | None:
        """The process id of the supervisor that holds this folder, if one does."""
        try:
            with self._lock.open() as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(file.read() or 0) or None
        except OSError:
            pass
        return None

    def write_report(self, report: StackReport) -> None:
        """Leave word of what runs, whole or not at all."""
        draft = self._report.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(report)))
        draft.replace(self._report)

    def report(self) -> StackReport:
        """The last word of what runs; an empty one where there is none."""
        try:
            said = json.loads(self._report.read_bytes())
            processes = {name: ProcessReport(**process) for name, process in said["processes"].items()}
            return StackReport(said["origin"], processes)
        except (OSError, ValueError, KeyError, TypeError):
            return StackReport()

    @property
    def _report(self) -> Path:
        return self.path / "run" / "report.json"

    @property
    def _lock(self) -> Path:
        return self.path / "run" / "supervisor"


def is_alive(pid: int) -> bool:
    """Whether a process of that number exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _keep_secret(path: Path, fresh: str) -> None:
    """Write a secret that only the owner may read, unless there is one."""
    if path.exists():
        return
    draft = path.with_suffix(".draft")
    # Created 0600, not made so afterwards; moved into place whole
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(fresh)
    draft.replace(path)
