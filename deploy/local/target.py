"""Which Caseloop a command talks to: the one that the environment names, else the stack that runs from this home."""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local.home import Home
from deploy.local.ports import LOOPBACK, SERVICES, Ports
from deploy.local.refusal import Failed, Refused

DATABASES = tuple(f"{name.upper()}_DATABASE_URL" for name in SERVICES)


def kafka() -> str:
    """The broker's address; Failed when neither the environment nor a running stack has one."""
    return os.environ.get("CASELOOP_KAFKA") or f"{LOOPBACK}:{running()[1].kafka}"


def databases() -> Mapping[str, str]:
    """The settings that name each service's database; Failed when neither the environment nor a running stack has."""
    if all(name in os.environ for name in DATABASES):
        return {name: os.environ[name] for name in DATABASES}
    home, ports = running()
    from deploy.local import services  # noqa: PLC0415 - the image has no embedded stack to import
    from deploy.local.postgres import Postgres  # noqa: PLC0415 - as above

    return services.databases(home, Postgres(home.postgres, ports.postgres, home.password("postgres")))


def running() -> tuple[Home, Ports]:
    """The home and ports of the stack that runs; Failed when none does."""
    home = Home.from_environment()
    if home.supervisor() is None:
        raise Failed("the stack is not up: start it with caseloop up")
    return home, Ports(home.report().origin or Ports.from_environment().origin)


def origin() -> str:
    """The address of the pages."""
    return os.environ.get("CASELOOP_ORIGIN") or running()[1].url


def loopback_origin() -> str:
    """The address of the pages; Refused when it is not of this machine."""
    address = origin()
    host = urlsplit(address).hostname or ""
    if host != "localhost" and not _is_loopback(host):
        raise Refused(f"sessions are made for loopback only, and the address is {address}")
    return address


def session_key() -> Path:
    """The key that signs sessions."""
    named = os.environ.get("CASELOOP_SESSION_KEY_FILE")
    return Path(named) if named else Home.from_environment().session_key


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == LOOPBACK
