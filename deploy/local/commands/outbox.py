"""`caseloop outbox`: what a service said and Kafka will not have, and what is to become of it."""

from __future__ import annotations

from typing import Annotated

import typer

from deploy.local import client
from deploy.local.answering import AsJson, answering
from deploy.local.commands.settling import Service, Why, settle, table
from deploy.local.ports import SERVICES

COLUMNS = ("service", "topic", "type", "key", "version", "waiting", "id")

group = typer.Typer(help="Events that Kafka refuses; each holds back its key.", no_args_is_help=True)

OutboxId = Annotated[int, typer.Argument(metavar="ID", min=1, help="As `list` shows it.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="outbox")


@group.callback()
def outbox() -> None:
    """Events that Kafka refuses; each holds back its key."""


@group.command("list")
def list_stuck(as_json: AsJson = False) -> None:
    """Show what is stuck in every service: types and keys, never values."""
    with answering(as_json) as answer, client.signed_in("administrator") as http:
        stuck = [
            {"service": name, **event} for name in SERVICES for event in client.listed(http.get(f"/{name}/outbox.json"))
        ]
        answer.give({"stuck": stuck}, table(COLUMNS, stuck) if stuck else "nothing is stuck")


@group.command()
def retry(service: Service, event: OutboxId, why: Why, as_json: AsJson = False) -> None:
    """Publish it after all, once the cause is mended, and then what waits behind it."""
    settle(service, f"outbox/{event}", "retry", why, as_json)


@group.command("give-up")
def give_up(service: Service, event: OutboxId, why: Why, as_json: AsJson = False) -> None:
    """Never publish it: it is kept as a settled dead letter, and what waits behind it goes on."""
    settle(service, f"outbox/{event}", "give-up", why, as_json)
