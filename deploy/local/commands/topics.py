"""`caseloop topics apply`: declare the topics."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from deploy.local.answering import AsJson, answering
from deploy.local.target import kafka

group = typer.Typer(help="The Kafka topics.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="topics")


@group.callback()
def topics() -> None:
    """The Kafka topics."""


@group.command()
def apply(
    replication: Annotated[int, typer.Option(help="Copies of each partition, for topics that are created.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Create the topics that are missing and correct those that differ: of this stack, or of CASELOOP_KAFKA."""
    from deploy.local import topics as declarations  # noqa: PLC0415 - slow to import, and other commands need none

    with answering(as_json) as answer:
        applied = declarations.apply_file(kafka(), replication)
        words = f"{len(applied.created)} created, {len(applied.changed)} changed, {len(applied.unchanged)} as declared"
        answer.give(dataclasses.asdict(applied), words)
