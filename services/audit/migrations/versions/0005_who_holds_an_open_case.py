"""Who holds an open case, by its sender's word.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("frame", sa.Column("said_worker_id", sa.Text))
    op.add_column("frame", sa.Column("said_team_id", sa.Text))
