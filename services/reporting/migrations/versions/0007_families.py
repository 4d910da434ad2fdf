"""Which audited cases are of one family.

Revision ID: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit", sa.Column("family_key", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("audit", "family_key")
