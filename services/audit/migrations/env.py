"""Alembic's entry: the schema of audit alone."""

from shared.migrate import run_migrations

run_migrations()
