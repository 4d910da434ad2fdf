"""What an open action is about, so that it may answer one more finding; loops that wait for another audit's action.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("owned_action", sa.Column("reported", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("owned_action", sa.Column("audit_id", sa.Uuid))
    op.add_column("owned_action", sa.Column("finding_id", sa.Uuid))
    op.add_column("owned_action", sa.Column("team_id", sa.Text))
    op.add_column("owned_action", sa.Column("domain", sa.Text))
    op.add_column("owned_action", sa.Column("due_on", sa.Date))
    op.create_index("ix_owned_action_audit_id", "owned_action", ["audit_id"], postgresql_where=sa.text("open"))
    op.create_index("ix_owned_action_finding_id", "owned_action", ["finding_id"])
    op.add_column("loop", sa.Column("joined", sa.Integer, nullable=False, server_default="0"))
