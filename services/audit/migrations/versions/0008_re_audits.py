"""Audits of work that was audited before, once its loop had closed.

Revision ID: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit", sa.Column("re_audit_of", sa.Uuid, sa.ForeignKey("audit.audit_id")))
    op.add_column("audit", sa.Column("audited_by", sa.ARRAY(sa.Text), nullable=False, server_default="{}"))
    # Behind the lock of the first audit's row: at most one re-audit of it is open.
    op.create_index(
        "ix_audit_open_re_audit",
        "audit",
        ["re_audit_of"],
        unique=True,
        postgresql_where=sa.text("state IN ('waiting', 'allocated', 'checking')"),
    )
    op.create_index(
        "ix_audit_re_audit_of", "audit", ["re_audit_of"], postgresql_where=sa.text("re_audit_of IS NOT NULL")
    )
