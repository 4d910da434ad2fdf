"""The versions of senders are theirs: one that counts in milliseconds since 1970 had its plans and purges refused.

Revision ID: 0007
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE work ALTER COLUMN withdrawn_version TYPE bigint")
    op.execute("ALTER TABLE episode ALTER COLUMN said_version TYPE bigint")
    op.execute("ALTER TABLE episode_gone ALTER COLUMN said_version TYPE bigint")
