"""`caseloop migrate`: bring the services' schemas up to date."""

from __future__ import annotations

import os
import subprocess
import sys

import typer

from deploy.local.answering import AsJson, answering
from deploy.local.home import REPOSITORY
from deploy.local.ports import SERVICES
from deploy.local.refusal import Failed
from deploy.local.target import databases


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(migrate)


def migrate(as_json: AsJson = False) -> None:
    """Bring the four schemas up to date: of the stack that runs here, or of <SERVICE>_DATABASE_URL."""
    with answering(as_json) as answer:
        outcome = subprocess.run(
            [sys.executable, "-m", "shared.migrate", *SERVICES],
            env={**os.environ, **databases()},
            cwd=REPOSITORY,
            stdout=sys.stderr,
            check=False,
        )
        if outcome.returncode != 0:
            raise Failed("a migration did not go through")
        answer.give({"migrated": list(SERVICES)}, "the schemas are up to date")
