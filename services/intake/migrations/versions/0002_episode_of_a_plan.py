"""To which social care episode a plan or placement belongs, so that a purge of that withdraws it too.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("episode", sa.Column("under", sa.Text))
    op.execute("UPDATE episode SET under = sender_id WHERE kind = 'case' AND road = 'dfe'")
