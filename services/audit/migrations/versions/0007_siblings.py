"""What auditors said of cases that may be siblings.

Revision ID: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sibling_answer",
        sa.Column("audit_id", sa.Uuid, primary_key=True),
        sa.Column("other_id", sa.Uuid, primary_key=True),
        sa.Column("siblings", sa.Boolean, nullable=False),
        sa.Column("answered_by", sa.Text, nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("audit_id < other_id", name="smaller_first"),
    )
    op.create_index("ix_sibling_answer_other_id", "sibling_answer", ["other_id"])
    op.create_index("ix_audit_family_key", "audit", ["family_key"], postgresql_where=sa.text("family_key IS NOT NULL"))
