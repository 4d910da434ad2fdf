"""Runs intake's revisions."""

from shared.migrate import run_migrations

run_migrations()
