"""Challenges answered and verifications looked at again.

The columns have defaults in the database, so that the code before this one still writes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit", sa.Column("answered", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("audit", sa.Column("upheld", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("action", sa.Column("check_upheld", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("action", "check_upheld")
    op.drop_column("audit", "upheld")
    op.drop_column("audit", "answered")
