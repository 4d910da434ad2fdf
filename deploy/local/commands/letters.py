"""`caseloop dead-letters`: what could not be read or handled, and what is to become of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from deploy.local import client
from deploy.local.answering import AsJson, answering
from deploy.local.ports import SERVICES
from deploy.local.refusal import Refused

COLUMNS = ("service", "topic", "partition", "offset", "reason", "place", "parked", "id")

group = typer.Typer(help="Events that could not be read or handled.", no_args_is_help=True)

Service = Annotated[str, typer.Argument(help="The service that set it aside.")]
LetterId = Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")]
Why = Annotated[str, typer.Option("--why", help="The reason; it is kept with the letter.")]


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
        answer.give({"dead_letters": letters}, _table(letters) if letters else "no dead letters")


@group.command()
def replay(service: Service, letter: LetterId, why: Why, as_json: AsJson = False) -> None:
    """Handle it again, and then what waits behind it."""
    _settle(service, letter, "replay", why, as_json)


@group.command()
def dismiss(service: Service, letter: LetterId, why: Why, as_json: AsJson = False) -> None:
    """Give it up, and go on with what waits behind it."""
    _settle(service, letter, "dismiss", why, as_json)


def _settle(service: str, letter: str, how: str, why: str, as_json: bool) -> None:
    with answering(as_json) as answer:
        if service not in SERVICES:
            raise Refused(f"no service is called {service}: there are {', '.join(SERVICES)}")
        with client.signed_in("administrator") as http:
            client.accepted(http.post(f"/{service}/dead-letters/{letter}/{how}", data={"why": why}))
        answer.give({"service": service, "id": letter, "settled": how}, f"{how}: done")


def _table(letters: list[dict[str, Any]]) -> str:
    table = Table(*COLUMNS)
    for letter in letters:
        table.add_row(*(str(_of(letter, column)) for column in COLUMNS))
    console = Console(width=160)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def _of(letter: Mapping[str, Any], column: str) -> object:
    return letter.get(column, "")
