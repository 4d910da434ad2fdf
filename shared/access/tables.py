"""The tables every service keeps to know people: a projection of `caseloop.people.v1`, and the trail of who read what.

They carry no schema name: the database role's search_path says whose they are. Intake owns the facts and writes the
same tables; the others fold them from the events.
"""

from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

METADATA = sa.MetaData()

PERSON = sa.Table(
    "person",
    METADATA,
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("email", sa.Text),
    sa.Column("roles", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("teams", JSONB, nullable=False, server_default="[]"),
    sa.Column("manages", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("services", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("active", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("epoch", sa.Integer, nullable=False, server_default="0"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
)

TEAM = sa.Table(
    "team",
    METADATA,
    sa.Column("team_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, server_default="other"),
    sa.Column("service", sa.Text, nullable=False, server_default=""),
    sa.Column("active", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
)

TRAIL = sa.Table(
    "trail",
    METADATA,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("clock_timestamp()")),
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("object_id", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False, server_default=""),
    sa.Index("ix_trail_object_id", "object_id"),
)


class Operations(Protocol):
    """What of Alembic's `op` is needed here."""

    def get_bind(self) -> sa.Connection: ...


def create_people_tables(op: Operations) -> None:
    """Create `person`, `team` and `trail` in the schema that the role sees first."""
    METADATA.create_all(op.get_bind(), checkfirst=False)


def drop_people_tables(op: Operations) -> None:
    """The way back."""
    METADATA.drop_all(op.get_bind(), checkfirst=False)
