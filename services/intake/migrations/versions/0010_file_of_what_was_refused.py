"""What was refused says which file held it, and would look through the rows of every file.

Revision ID: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    is_one = sa.text("quarantine_id IS NOT NULL")
    op.create_index("ix_upload_row_quarantine_id", "upload_row", ["quarantine_id"], postgresql_where=is_one)
