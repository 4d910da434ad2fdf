"""A record's page asks for its other ids, and looked through everybody's. Only a further road writes any.

Revision ID: 0008
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_alias_assessment_id", "alias", ["assessment_id"])
