"""What the commands for events that could not be handled or published have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deploy.local import client
from deploy.local.answering import answering
from deploy.local.ports import SERVICES
from deploy.local.refusal import Refused

Service = Annotated[str, typer.Argument(help="The service that lists it.")]
Why = Annotated[str, typer.Option("--why", help="The reason; it is kept.")]


def settle(service: str, path: str, how: str, why: str, as_json: bool) -> None:
    """Ask a service to settle one event, and say that it did."""
    with answering(as_json) as answer:
        if service not in SERVICES:
            raise Refused(f"no service is called {service}: there are {', '.join(SERVICES)}")
        with client.signed_in("administrator") as http:
            client.accepted(http.post(f"/{service}/{path}/{how}", data={"why": why}))
        answer.give({"service": service, "id": path.rpartition("/")[2], "settled": how}, f"{how}: done")


def table(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """The rows for a person to read."""
    shown = Table(*columns)
    for row in rows:
        shown.add_row(*(str(row.get(column, "")) for column in columns))
    console = Console(width=160)
    with console.capture() as captured:
        console.print(shown)
    return captured.get()
