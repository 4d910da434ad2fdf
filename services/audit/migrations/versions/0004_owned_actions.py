"""Who has which actions in hand.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "owned_action",
        sa.Column("action_id", sa.Uuid, primary_key=True),
        sa.Column("owner_id", sa.Text),
        sa.Column("open", sa.Boolean, nullable=False),
    )
    op.create_index("ix_owned_action_open", "owned_action", ["owner_id"], postgresql_where=sa.text("open"))
