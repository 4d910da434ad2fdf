"""A closed loop is looked at by its child's later work also after it was said that it held.

Revision ID: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

CLOSED = "standing = 'closed' AND NOT came_back"


def upgrade() -> None:
    _index(CLOSED)


def downgrade() -> None:
    _index(f"{CLOSED} AND held_days < 90")


def _index(which: str) -> None:
    op.drop_index("ix_loop_looked_at", "loop")
    op.create_index("ix_loop_looked_at", "loop", ["child_id"], postgresql_where=sa.text(which))
