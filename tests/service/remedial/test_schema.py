"""The tables that the migrations make are those that the models read."""

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import AsyncEngine

from services.remedial.models import Table


async def test_the_migrations_make_what_the_models_read(engine: AsyncEngine) -> None:
    def differences(connection: sa.Connection) -> list[str]:
        context = MigrationContext.configure(connection, opts={"include_object": _is_ours, "compare_type": False})
        return [str(each) for each in compare_metadata(context, Table.metadata)]

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


def _is_ours(thing: object, name: str | None, kind: str, reflected: bool, _: object) -> bool:
    return name in Table.metadata.tables if kind == "table" else kind == "column"
