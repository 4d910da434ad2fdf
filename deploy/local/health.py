"""Ask a process on loopback over HTTP how it is: cheap enough to ask ten times a second while everything starts."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException

from deploy.local.ports import LOOPBACK


def status(port: int, path: str, timeout: float = 2) -> int | None:
    """The status of a GET, or None where nothing answers in time."""
    connection = HTTPConnection(LOOPBACK, port, timeout=timeout)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def is_ready(port: int) -> bool:
    """Whether a service says that it does its job."""
    return status(port, "/health/ready") == 200


def is_live(port: int) -> bool:
    """Whether a service says that a restart would not help it."""
    return status(port, "/health/live") == 200
