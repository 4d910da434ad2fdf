"""Which audits look again at a case that was audited before.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit", sa.Column("re_audit_of", sa.Uuid(), nullable=True))
    op.create_index("ix_audit_re_audit_of", "audit", ["re_audit_of"])


def downgrade() -> None:
    op.drop_column("audit", "re_audit_of")
