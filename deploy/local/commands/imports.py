"""`caseloop import ...`: give a file to intake."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from deploy.local import client
from deploy.local.answering import Answer, AsJson, answering, to_a_terminal
from deploy.local.refusal import Refused

group = typer.Typer(help="Give a file to intake.", no_args_is_help=True)

LONGEST_SECONDS = 4 * 3600
TOO_LARGE = 413

ExistingFile = Annotated[Path, typer.Argument(metavar="FILE", help="The file.")]
AsOf = Annotated[str, typer.Option("--as-of", metavar="YYYY-MM-DD", help="The day that the file describes.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="import")


@group.callback()
def imports() -> None:
    """Give a file to intake."""


@group.command("annex-a")
def annex_a(
    file: ExistingFile,
    as_of: AsOf,
    only: Annotated[int | None, typer.Option("--list", min=1, max=8, help="For a csv: which list it is.")] = None,
    as_json: AsJson = False,
) -> None:
    """Import an Annex A workbook (Lists 1 and 3 to 8), one of its lists as a csv, or a folder of csvs."""
    with answering(as_json) as answer:
        fields = {"as_of": day(as_of).isoformat(), **({"list": str(only)} if only else {})}
        with as_one_file(file) as one:
            counts = send("/intake/imports/annex-a", one, fields)
        give(answer, counts)


@group.command("cin-census")
def cin_census(file: ExistingFile, as_of: AsOf, as_json: AsJson = False) -> None:
    """Import a CIN census (XML): referrals, assessments, section 47 enquiries and plans."""
    with answering(as_json) as answer:
        counts = send("/intake/imports/cin-census", file, {"as_of": day(as_of).isoformat()})
        give(answer, counts)


@group.command()
def staff(
    file: ExistingFile,
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="YYYY-MM-DD", help="Today, unless said.")] = None,
    as_json: AsJson = False,
) -> None:
    """Import the staff directory: workers and teams by date, from a csv, an xlsx or a folder of the SSD's extracts."""
    with answering(as_json) as answer:
        with as_one_file(file) as one:
            fields = {"as_of": day(as_of).isoformat()} if as_of else {}
            # Only an administrator gives roles, and a staff file may name managers
            counts = send("/intake/imports/staff", one, fields, role="administrator")
        give(answer, counts)


@contextmanager
def as_one_file(file: Path) -> Iterator[Path]:
    """A file as it is; the csvs of a folder as one archive, gone afterwards."""
    if not file.is_dir():
        yield file
        return
    lists = sorted(each for each in file.iterdir() if each.suffix.casefold() == ".csv" and each.name[0] != ".")
    if not lists:
        raise Refused(f"{file} holds no csv")
    with tempfile.TemporaryDirectory(prefix="caseloop-") as folder:
        packed = Path(folder) / f"{file.resolve().name}.zip"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for each in lists:
                archive.write(each, each.name)
        yield packed


def send(path: str, file: Path, fields: Mapping[str, str], *, role: str = "business_support") -> Mapping[str, Any]:
    """Post a file to intake in this role, with a progress bar where a person sees it; the counts that it answered."""
    with opened(file) as content, client.signed_in(role) as http:
        # A census of a whole county takes longer than anything else that is asked
        http.timeout = LONGEST_SECONDS
        response = http.post(path, data=dict(fields), files={"file": (file.name, content)})
        if response.status_code == TOO_LARGE:
            raise Refused(f"{file.name} is larger than may be given: 64 MB, a census 1 GB")
        return client.taken(response)


@contextmanager
def opened(file: Path) -> Iterator[IO[bytes]]:
    """The file, open, with a progress bar on a terminal; Refused when it cannot be read."""
    bar = Progress(console=Console(stderr=True), transient=True, disable=not to_a_terminal())
    try:
        with bar, bar.open(file, "rb", description=file.name) as content:
            yield content
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}") from error


def day(text: str) -> date:
    """A date in ISO form; Refused otherwise."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Refused(f"{text!r} is not a date: write it as 2026-03-31") from error


def give(answer: Answer, counts: Mapping[str, Any]) -> None:
    """Say what the file came to, and first what is odd about it."""
    for note in counts.get("notes", ()):
        answer.say(f"note: {note}")
    answer.give(counts, in_words(counts))


def in_words(counts: Mapping[str, Any]) -> str:
    """What became of the rows, for a person."""
    said = ", ".join(f"{counts[name]} {name}" for name in ("accepted", "duplicate", "quarantined") if name in counts)
    around = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in counts.get("context", {}).items())
    return f"{said}; context: {around}" if around else said
