"""Who holds a plan, a placement or an open case.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("episode", sa.Column("worker_id", sa.Text))
    op.add_column("episode", sa.Column("team_id", sa.Text))
