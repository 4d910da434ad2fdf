"""The ids of further roads by the id first, as those of the first road are: a batch's are found in one walk.

Revision ID: 0006
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("alias_pkey", "alias")
    op.create_primary_key("alias_pkey", "alias", ["sender_id", "kind", "road"])
