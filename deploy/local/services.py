"""The four services as programs: uvicorn on loopback, settings through the environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local import health
from deploy.local.home import REPOSITORY, Home
from deploy.local.ports import LOOPBACK, SERVICES, Ports
from deploy.local.postgres import Postgres
from deploy.local.process import Program
from deploy.local.refusal import Failed

DEMO_COUNCIL = "999"
"""No council has this code: the synthetic one of the demo does."""


def environment(home: Home, ports: Ports) -> Mapping[str, str]:
    """What every service is told, as environment variables; the caller's choice of council stays."""
    return {
        "CASELOOP_COUNCIL": council(),
        "CASELOOP_COUNCIL_NAME": council_name(),
        "CASELOOP_LOCAL_SIGN_IN": os.environ.get("CASELOOP_LOCAL_SIGN_IN", "true"),
        "CASELOOP_KAFKA": f"{LOOPBACK}:{ports.kafka}",
        "CASELOOP_ORIGIN": ports.url,
        "CASELOOP_SESSION_KEY_FILE": str(home.session_key),
        "CASELOOP_PSEUDONYM_KEY_FILE": str(home.pseudonym_key),
    }


def databases(home: Home, postgres: Postgres, names: Sequence[str] = SERVICES) -> Mapping[str, str]:
    """The address of each service's database; a service is told its own and no other's."""
    return {
        f"{name.upper()}_DATABASE_URL": postgres.cluster.url(f"caseloop_{name}", home.password(name)) for name in names
    }


def council() -> str:
    """The council that this stack serves: its DfE code."""
    return os.environ.get("CASELOOP_COUNCIL", DEMO_COUNCIL)


def council_name() -> str:
    """How pages name the council; empty where only its code is known."""
    return os.environ.get("CASELOOP_COUNCIL_NAME", "Demonstration council" if council() == DEMO_COUNCIL else "")


def program(name: str, app: str, ports: Ports, settings: Mapping[str, str]) -> Program:
    """A service as a program, ready when it says that it is."""
    port = ports.service(name)
    return Program(
        name=name,
        command=(
            *(sys.executable, "-m", "uvicorn", app),
            *("--host", LOOPBACK, "--port", str(port), "--loop", "uvloop"),
            *("--log-level", "warning", "--no-access-log", "--no-server-header"),
            *("--timeout-graceful-shutdown", "3"),
        ),
        ready=lambda: health.is_ready(port),
        live=lambda: health.is_live(port),
        environment=settings,
        folder=REPOSITORY,
        patience=4.0,
    )


def demo(settings: Mapping[str, str]) -> Program:
    """The driver of the demo: a synthetic council at work."""
    return Program(
        name="demo",
        command=(sys.executable, "-m", "deploy.demo"),
        ready=lambda: True,
        environment=settings,
        folder=REPOSITORY,
        once=True,
    )


def migrate(settings: Mapping[str, str], log: Path, services: Sequence[str] = SERVICES) -> None:
    """Bring the schemas up to date; Failed when a migration does not go through (its account is in the log)."""
    with log.open("ab") as output:
        outcome = subprocess.run(
            [sys.executable, "-m", "shared.migrate", *services],
            env={**os.environ, **settings},
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if outcome.returncode != 0:
        raise Failed(f"a migration did not go through: see {log}")
