"""`caseloop programme`: thematic audit programmes, stated in a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deploy.local import client
from deploy.local.answering import AsJson, answering
from deploy.local.refusal import Failed, Refused

PLANNER = "qa_manager"
LARGEST_BYTES = 256 * 1024

group = typer.Typer(help="Thematic audit programmes.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="programme")


@group.callback()
def programmes() -> None:
    """Thematic audit programmes."""


@group.command("open")
def open_programme(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The programme as YAML.")], as_json: AsJson = False
) -> None:
    """Open a programme, or a new version of one."""
    with answering(as_json) as answer, client.signed_in(PLANNER) as http:
        opened = client.taken(http.post("/audit/programmes", content=_read(file)))
        answer.give(opened, f"{opened['name']}, version {opened['version']}, is in force: {opened['id']}")


@group.command("list")
def list_programmes(as_json: AsJson = False) -> None:
    """Show every programme, the newest first."""
    with answering(as_json) as answer, client.signed_in(PLANNER) as http:
        found = client.taken(http.get("/audit/programmes.json"))
        lines = [f"{one['id']}  {one['opens_on']} to {one['closes_on']}  {one['name']}" for one in found["programmes"]]
        answer.give(found, "\n".join(lines) or "no programme was opened yet")


@group.command()
def verify(
    programme: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")], as_json: AsJson = False
) -> None:
    """Prove from what was published which cases were drawn, and which were chosen by hand."""
    with answering(as_json) as answer, client.signed_in(PLANNER) as http:
        proof = client.taken(http.get(f"/audit/programmes/{programme}/verify.json"))
        if not proof["verified"]:
            raise Failed("the draws do not follow from what was published: " + "; ".join(proof["problems"]))
        counted = f"{proof['draws']} draws, {proof['by_hand']} chosen by hand, {proof['re_audits']} re-audits"
        answer.give(proof, f"verified: {counted}")


def _read(file: Path) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}") from error
    if len(content) > LARGEST_BYTES:
        raise Refused(f"{file} is larger than {LARGEST_BYTES >> 10} KiB")
    return content
