"""NUL, which JSON can say and no database holds: refused at the door, with a plain word and not as a fault of ours.

Forms lose it quietly (`forms.without_nul`), since no keyboard types it; a program that sends one has something wrong.
"""

import re

from fastapi import FastAPI, HTTPException, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.web.errors import answer

WHY = "A text holds the character NUL (\\u0000), which cannot be kept. Leave it out and send it again."

_SAID = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""An escape of its own: after an even number of backslashes, so that none of them is what it escapes."""
_BEGUN = re.compile(rb"(?<!\\)(\\+)(u0{0,3})?\Z")


def install_nul(app: FastAPI, machine_paths: tuple[str, ...] = ()) -> None:
    """Refuse a NUL in a JSON body (422), in a query (422) and in a path (404).

    `machine_paths` take data from outside, of which each row is held or refused on its own.
    """
    app.add_middleware(WithoutNul, exempt=machine_paths)


class WithoutNul:
    """Looks at each part of a body as it comes, so that none is held for it."""

    def __init__(self, app: ASGIApp, exempt: tuple[str, ...] = ()) -> None:
        self.app = app
        self.exempt = exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or any(scope["path"].startswith(path) for path in self.exempt):
            await self.app(scope, receive, send)
        elif "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            refused = await answer(Request(scope, receive), 404 if "\x00" in scope["path"] else 422, {}, WHY)
            await refused(scope, receive, send)
        else:
            await self.app(scope, _looked_at(receive) if _may_be_json(scope) else receive, send)


def _may_be_json(scope: Scope) -> bool:
    kind = Request(scope).headers.get("content-type", "")
    return not kind or "json" in kind.lower()


def _looked_at(receive: Receive) -> Receive:
    """The same body; HTTPException 422 where it says a NUL."""
    begun = b""

    async def part() -> Message:
        nonlocal begun
        message = await receive()
        # UTF-16, which JSON may be in too, has a zero byte beside each character that is looked for.
        seen = begun + message.get("body", b"").replace(b"\x00", b"")
        if b"\\u0000" in seen and _SAID.search(seen):
            raise HTTPException(422, WHY)
        begun = _end_of(seen)
        return message

    return part


def _end_of(seen: bytes) -> bytes:
    """What an escape may have begun with; of many backslashes it counts only whether they are even."""
    found = _BEGUN.search(seen)
    return b"" if found is None else b"\\" * (2 - len(found[1]) % 2) + (found[2] or b"")
