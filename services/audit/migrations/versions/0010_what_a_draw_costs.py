"""What a draw reads: a short name of each programme's body, and who read a team's work in one programme.

Revision ID: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("programme", sa.Column("digest", sa.Text, sa.Computed("md5(body)", persisted=True), nullable=False))
    op.drop_index("ix_audit_team_id", "audit")
    op.create_index("ix_audit_team_id", "audit", ["team_id", "programme_id", "auditor_id"])
