"""`caseloop sender add`: a system that may push to intake."""

from __future__ import annotations

from typing import Annotated

import typer

from deploy.local import client
from deploy.local.answering import AsJson, answering

group = typer.Typer(help="The systems that may push to intake.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="sender")


@group.callback()
def senders() -> None:
    """The systems that may push to intake."""


@group.command()
def add(name: Annotated[str, typer.Argument(help="What the sender is called.")], as_json: AsJson = False) -> None:
    """Give a sender a token; it is shown this once only."""
    with answering(as_json) as answer, client.signed_in("administrator") as http:
        sender = client.taken(http.post("/intake/senders", json={"name": name}))
        answer.give(sender, f"{sender['name']} sends with this token, shown only now:\n{sender['token']}")
