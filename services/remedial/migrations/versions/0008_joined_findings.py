"""Findings that an open action of another answers too.

Revision ID: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("action", sa.Column("alone_because", sa.Text))
    op.create_table(
        "joined",
        sa.Column("finding_id", sa.Uuid, primary_key=True),
        sa.Column("audit_id", sa.Uuid, sa.ForeignKey("loop.audit_id"), nullable=False),
        sa.Column("acts_with", sa.Uuid, nullable=False),
        # No foreign key: the action may be heard of later than the finding.
        sa.Column("action_id", sa.Uuid, nullable=False),
        sa.Column("action_audit_id", sa.Uuid),
        sa.Column("action_state", sa.Text),
        sa.Column("join", sa.Text, nullable=False),
        sa.Column("because", sa.Text),
        sa.Column("named_owner", sa.Text),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
    )
    op.create_index("ix_joined_audit_id", "joined", ["audit_id"])
    op.create_index("ix_joined_action_id", "joined", ["action_id"])
    op.create_index("ix_joined_waiting", "joined", ["action_id"], postgresql_where=sa.text("\"join\" = 'waiting'"))
    op.create_table(
        "unsettled",
        sa.Column("unsettled_id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("audit_id", sa.Uuid, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("unsettled")
    op.drop_table("joined")
    op.drop_column("action", "alone_because")
