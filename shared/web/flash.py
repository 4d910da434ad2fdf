"""A message for the next page: set beside a redirect, shown once in a notification banner, then gone.

It travels in a cookie of a minute's life and is shown as plain text. It names no child and quotes nobody.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "caseloop_flash"
LONGEST = 300
SECONDS = 60


def flash(response: Response, message: str) -> None:
    """Show `message` on the page that comes next."""
    held = urlsafe_b64encode(message[:LONGEST].encode()).decode()
    response.set_cookie(COOKIE, held, max_age=SECONDS, path="/", httponly=True, samesite="lax")


def flashed(request: Request) -> str | None:
    """The message that waits, if any."""
    held = request.cookies.get(COOKIE)
    if not held:
        return None
    try:
        return urlsafe_b64decode(held.encode()).decode()[:LONGEST]
    except ValueError:
        return None


def forget(response: Response) -> None:
    """It has been shown."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
