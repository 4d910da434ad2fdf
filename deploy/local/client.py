"""HTTP to a running Caseloop, signed in as the command line itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from deploy.local import target
from deploy.local.refusal import Failed, Refused

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS = 300
LONGEST_REASON = 500


@contextmanager
def signed_in(*roles: str) -> Iterator[httpx.Client]:
    """A client of the running stack with these roles; loopback only. Failed when nothing answers there."""
    # Slow to import, and most commands need neither
    import httpx  # noqa: PLC0415

    from shared.access import sessions  # noqa: PLC0415

    address = target.loopback_origin()
    cookie = sessions.sign_system(sessions.read_key(target.session_key()), *roles)
    try:
        with httpx.Client(
            base_url=address,
            cookies={sessions.COOKIE: cookie},
            # A refusal as data, not as a page
            headers={"Accept": "application/json"},
            timeout=TIMEOUT_SECONDS,
        ) as client:
            yield client
    except httpx.HTTPError as error:
        raise Failed(f"{address} does not answer ({type(error).__name__})") from error


def accepted(response: httpx.Response) -> httpx.Response:
    """The same, if the service took it; Refused for what it would not take, Failed for what it could not."""
    if response.is_server_error:
        raise Failed(f"{response.request.url.path} answered {response.status_code}")
    if not response.is_success:
        raise Refused(_reason(response))
    return response


def taken(response: httpx.Response) -> Mapping[str, Any]:
    """The object that a service answered with; else as `accepted`."""
    body: Mapping[str, Any] = accepted(response).json()
    return body


def listed(response: httpx.Response) -> list[dict[str, Any]]:
    """The list of objects that a service answered with; else as `accepted`."""
    body: list[dict[str, Any]] = accepted(response).json()
    return body


def _reason(response: httpx.Response) -> str:
    """Why a service refused, in its own words where it gave any."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    said = next((body[name] for name in ("refused", "detail", "error") if isinstance(body.get(name), str)), None)
    return (said or f"{response.request.url.path} answered {response.status_code}")[:LONGEST_REASON]
