"""How every `caseloop` command answers: the contract that other programs rely on.

With `--json` one object is the last line of stdout; everything else goes to stderr. Exit code 0: done; 1: failed;
2: refused, with a line `refused: why` on stderr and `{"refused": "why"}` as the object.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from deploy.local.refusal import Failed, Refused

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line of stdout.")]
FAILED = 1
REFUSED = 2


@dataclass(frozen=True)
class Answer:
    """Where a command puts its one answer."""

    as_json: bool

    def give(self, facts: Mapping[str, object], text: str) -> None:
        """The facts for a program, or the same in words for a person."""
        typer.echo(json.dumps(facts, default=str) if self.as_json else text)

    def say(self, line: str) -> None:
        """A line on the way: to stderr, so that it is never taken for the answer."""
        typer.echo(line, err=True)


@contextmanager
def answering(as_json: bool) -> Iterator[Answer]:
    """Run a command's body; turn what it refuses or fails at into the line, the object and the exit code."""
    answer = Answer(as_json)
    try:
        yield answer
    except Refused as refusal:
        raise typer.Exit(give_up("refused", str(refusal), REFUSED, as_json)) from refusal
    except Failed as failure:
        raise typer.Exit(give_up("failed", str(failure), FAILED, as_json)) from failure


def give_up(how: str, why: str, code: int, as_json: bool) -> int:
    """Say in one line why not; the exit code."""
    line = " ".join(why.split())
    typer.echo(f"{how}: {line}", err=True)
    if as_json:
        typer.echo(json.dumps({how: line}))
    return code


def to_a_terminal() -> bool:
    """Whether a progress bar would be seen by a person."""
    return sys.stderr.isatty()
