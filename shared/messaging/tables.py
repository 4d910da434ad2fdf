"""The tables that every service keeps for its messages: what came in, what must go out, who leads, what went wrong."""

from __future__ import annotations

from typing import Protocol

import sqlalchemy as sa

ROW_LIMIT = 256 * 1024
"""Bytes that one event's body may have; a larger one is refused when it is written, in its author's transaction."""

METADATA = sa.MetaData()

INBOX = sa.Table(
    "inbox",
    METADATA,
    sa.Column("consumer", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Uuid, primary_key=True),
)

OUTBOX = sa.Table(
    "outbox",
    METADATA,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("event_id", sa.Uuid, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("trace", sa.Text),
    sa.Column("body", sa.LargeBinary),
    sa.Column("stuck", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("clock_timestamp()")),
    sa.CheckConstraint(f"octet_length(body) <= {ROW_LIMIT}", name="outbox_body_bounded"),
    sa.Index("outbox_stuck", "topic", "key", postgresql_where=sa.text("stuck")),
)

LEASE = sa.Table(
    "lease",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
)

OPENED_DAY = sa.Table("opened_day", METADATA, sa.Column("day", sa.Date, primary_key=True))

DEAD_LETTER = sa.Table(
    "dead_letter",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("consumer", sa.Text, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("partition", sa.Integer, nullable=False),
    sa.Column("offset", sa.BigInteger, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("headers", sa.JSON, nullable=False),
    sa.Column("value", sa.LargeBinary),
    sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("clock_timestamp()")),
    sa.Column("settled_at", sa.DateTime(timezone=True)),
    sa.Column("settled_by", sa.Text),
    sa.Column("settled_how", sa.Text),
    sa.Column("settled_why", sa.Text),
    sa.Index("dead_letter_open", "consumer", "key", postgresql_where=sa.text("settled_at IS NULL")),
)

PARKED = sa.Table(
    "parked",
    METADATA,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("consumer", sa.Text, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("partition", sa.Integer, nullable=False),
    sa.Column("offset", sa.BigInteger, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("headers", sa.JSON, nullable=False),
    sa.Column("value", sa.LargeBinary),
    sa.UniqueConstraint("consumer", "topic", "partition", "offset", name="parked_once"),
    sa.Index("parked_key", "consumer", "key", "id"),
)


class Operations(Protocol):
    """What of Alembic's `op` is needed here."""

    def get_bind(self) -> sa.Connection: ...


def create_messaging_tables(op: Operations) -> None:
    """Create them in the schema that the role sees first."""
    METADATA.create_all(op.get_bind(), checkfirst=False)
