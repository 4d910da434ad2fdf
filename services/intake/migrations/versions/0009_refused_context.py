"""Rows of context that could not be read had an outcome of their own; they are quarantined like all others now.

Those of files given before wait nowhere: giving the file again quarantines them.

Revision ID: 0009
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE upload_row SET outcome = 'quarantined' WHERE outcome = 'unreadable'")
