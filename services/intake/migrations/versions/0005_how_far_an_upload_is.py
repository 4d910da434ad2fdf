"""How far an upload is, when it was last heard of, and why it was refused or broken off.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("upload", sa.Column("state", sa.Text, nullable=False, server_default="reading"))
    op.add_column("upload", sa.Column("rows_read", sa.Integer, nullable=False, server_default="0"))
    op.add_column("upload", sa.Column("heard_at", sa.DateTime(timezone=True)))
    op.add_column("upload", sa.Column("reason", sa.Text))
    op.execute("UPDATE upload SET state = CASE WHEN finished_at IS NULL THEN 'broken' ELSE 'finished' END")
    op.execute("UPDATE upload SET rows_read = accepted + duplicate + quarantined")
    op.add_column("upload_row", sa.Column("assessment_id", sa.Uuid))
    op.add_column("upload_row", sa.Column("quarantine_id", sa.Uuid))
    op.add_column("quarantined", sa.Column("assessment_id", sa.Uuid))
