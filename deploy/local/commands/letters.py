"""`caseloop dead-letters`: what could not be read or handled, and what is to become of it."""

from __future__ import annotations

from typing import Annotated

import typer

from deploy.local import client
from deploy.local.answering import AsJson, answering
from deploy.local.commands.settling import Service, Why, settle, table
from deploy.local.ports import SERVICES

COLUMNS = ("service", "topic", "partition", "offset", "reason", "place", "parked", "id")

group = typer.Typer(help="Events that could not be read or handled.", no_args_is_help=True)

LetterId = Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="dead-letters")


@group.callback()
def dead_letters() -> None:
    """Events that could not be read or handled."""


@group.command("list")
def list_letters(as_json: AsJson = False) -> None:
    """Show the open letters of every service: places and reasons, never values."""
    with answering(as_json) as answer, client.signed_in("administrator") as http:
        letters = [
            {"service": name, **letter}
            for name in SERVICES
            for letter in client.listed(http.get(f"/{name}/dead-letters.json"))
        ]
        answer.give({"dead_letters": letters}, table(COLUMNS, letters) if letters else "no dead letters")


@group.command()
def replay(service: Service, letter: LetterId, why: Why, as_json: AsJson = False) -> None:
    """Handle it again, and then what waits behind it."""
    settle(service, f"dead-letters/{letter}", "replay", why, as_json)


@group.command()
def dismiss(service: Service, letter: LetterId, why: Why, as_json: AsJson = False) -> None:
    """Give it up, and go on with what waits behind it."""
    settle(service, f"dead-letters/{letter}", "dismiss", why, as_json)
