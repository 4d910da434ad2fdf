"""Which word on a plan or placement was its sender's last, and what is left of one that was withdrawn.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("episode", sa.Column("said_version", sa.Integer, nullable=False, server_default="1"))
    op.add_column("episode", sa.Column("said_at", INSTANT))
    op.create_table(
        "episode_gone",
        sa.Column("child_id", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("started_on", sa.Date, primary_key=True),
        sa.Column("road", sa.Text, primary_key=True),
        sa.Column("sender_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("said_version", sa.Integer, nullable=False, server_default="1"),
        sa.Column("said_at", INSTANT),
    )
