"""Alembic's entry: the revisions of reporting's own schema."""

from shared.migrate import run_migrations

run_migrations()
