"""Brings a service's schema up to date: `python -m shared.migrate audit …`.

Each service has Alembic revisions of its own in `services/<service>/migrations/versions`, run as that service's login
role, whose search_path is its schema; the `alembic_version` table lies there too.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine

from shared.access.tables import create_people_tables
from shared.messaging.tables import create_messaging_tables

__all__ = ["create_messaging_tables", "create_people_tables", "run_migrations", "upgrade"]

SERVICES = Path(__file__).parent.parent / "services"


def upgrade(service: str, url: str) -> None:
    """Run the revisions that the service's schema does not have yet."""
    command.upgrade(_config(service, url), "head")


def run_migrations() -> None:
    """What every service's `migrations/env.py` calls: run the revisions over one connection."""
    asyncio.run(_run(context.config.attributes["url"]))


def _config(service: str, url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SERVICES / service / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    return config


async def _run(url: str) -> None:
    engine = create_async_engine(url, poolclass=pool.NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade)
            await connection.commit()
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    context.configure(connection=connection, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


def main() -> None:
    """Upgrade the services named on the command line, each at the address in its `<SERVICE>_DATABASE_URL`."""
    for service in sys.argv[1:]:
        upgrade(service, os.environ[f"{service.upper()}_DATABASE_URL"])


if __name__ == "__main__":
    main()
