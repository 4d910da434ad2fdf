"""`caseloop session`: a signed-in cookie, for tools and tests on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from deploy.local import target
from deploy.local.answering import AsJson, answering
from deploy.local.refusal import Failed, Refused


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(session)


def session(
    role: Annotated[str, typer.Option("--as", metavar="ROLE", help="A role, such as auditor.")],
    as_json: AsJson = False,
) -> None:
    """Print a signed-in cookie for a role; loopback only."""
    # Slow to import, and other commands need neither
    from shared.access import sessions  # noqa: PLC0415
    from shared.events import Role  # noqa: PLC0415

    with answering(as_json) as answer:
        if role not in set(Role):
            raise Refused(f"no role is called {role}: there are {', '.join(Role)}")
        url = target.loopback_origin()
        try:
            value = sessions.sign_system(sessions.read_key(target.session_key()), role)
        except OSError as error:
            raise Failed("there is no session key yet: start the stack with caseloop up") from error
        cookie = f"{sessions.COOKIE}={value}"
        answer.give({"cookie": cookie, "name": sessions.COOKIE, "value": value, "role": role, "url": url}, cookie)
