"""`caseloop`: the command line of a stack. Each module of `deploy.local.commands` adds its commands to `app`."""

from __future__ import annotations

import sys

import typer
from typer.exceptions import TyperException

from deploy.local.answering import REFUSED, give_up
from deploy.local.commands import GROUPS

INTERRUPTED = 130

app = typer.Typer(
    name="caseloop",
    help="Run Caseloop on this machine, and talk to it.",
    pretty_exceptions_show_locals=False,
    add_completion=False,
    rich_markup_mode="rich",
)
for group in GROUPS:
    group.register(app)


def main() -> None:
    """The entry point: a command line that makes no sense is refused like anything else."""
    arguments = sys.argv[1:] or ["--help"]
    try:
        code = app(arguments, standalone_mode=False)
    except TyperException as error:
        code = give_up("refused", error.format_message(), REFUSED, "--json" in arguments)
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    raise SystemExit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
