"""The session: a signed cookie with a person's id and epoch, good for eight hours on the one origin.

Nothing is stored on the server. A session ends early when the person's epoch rises: every service compares the two.
The time is the wall clock, in a replay too: a session is about the person at the keyboard, not about the programme.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.responses import Response

COOKIE = "caseloop_session"
LIFETIME_SECONDS = 8 * 60 * 60
SYSTEM = "caseloop"
"""Who signs in when the command line does: nobody's person id. The roles then stand in the cookie itself."""

MINIMUM_KEY_BYTES = 32


class WeakKeyError(ValueError):
    """The session key is missing or too short to sign with."""


@dataclass(frozen=True)
class Session:
    """What a valid cookie says. `roles` is empty but for the command line's own session."""

    person_id: str
    epoch: int
    roles: tuple[str, ...] = ()


@lru_cache
def read_key(path: Path) -> bytes:
    """The key in `path`, once per process; WeakKeyError below 32 bytes."""
    key = path.read_bytes().strip()
    if len(key) < MINIMUM_KEY_BYTES:
        raise WeakKeyError(f"{path.name} holds fewer than {MINIMUM_KEY_BYTES} bytes")
    return key


def sign(key: bytes, person_id: str, epoch: int) -> str:
    """The cookie's value for one person, from now on."""
    return _serializer(key).dumps({"p": person_id, "e": epoch})


def sign_system(key: bytes, *roles: str) -> str:
    """The cookie's value for the command line: these roles, no person. Taken from loopback only."""
    return _serializer(key).dumps({"p": SYSTEM, "e": 0, "r": list(roles)})


def read(key: bytes, cookie: str) -> Session | None:
    """What the cookie says, or None where it is forged, malformed or older than eight hours."""
    try:
        said = _serializer(key).loads(cookie, max_age=LIFETIME_SECONDS)
        return Session(person_id=str(said["p"]), epoch=int(said["e"]), roles=tuple(said.get("r", ())))
    except (BadData, KeyError, TypeError, ValueError):
        return None


def start(response: Response, cookie: str, *, secure: bool) -> None:
    """Set the cookie on a response."""
    response.set_cookie(
        COOKIE, cookie, max_age=LIFETIME_SECONDS, path="/", httponly=True, samesite="lax", secure=secure
    )


def end(response: Response) -> None:
    """Forget the cookie."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")


def _serializer(key: bytes) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(key, salt="caseloop.session")
