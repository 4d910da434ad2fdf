"""Events of many decisions are kept as they are: to compress one took longer than all else that was done to store it.

Revision ID: 0011
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE outbox ALTER COLUMN body SET STORAGE EXTERNAL")
    op.execute("ALTER TABLE draw_log ALTER COLUMN body SET STORAGE EXTERNAL")
