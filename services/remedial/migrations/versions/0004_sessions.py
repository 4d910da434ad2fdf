"""Support sessions.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "support_session",
        sa.Column("session_id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("leader_id", sa.Text, nullable=False),
        sa.Column("planned_by", sa.Text, nullable=False),
        sa.Column("team_id", sa.Text),
        sa.Column("attendees", ARRAY(sa.Text), nullable=False),
        sa.Column("managers", ARRAY(sa.Text), nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("minutes", sa.Integer, nullable=False),
        sa.Column("domains", ARRAY(sa.Text), nullable=False),
        sa.Column("actions", ARRAY(sa.Uuid), nullable=False),
        sa.Column("pattern_id", sa.Uuid),
        sa.Column("shared", sa.Boolean, nullable=False),
        sa.Column("settled_at", INSTANT),
        sa.CheckConstraint("state IN ('planned', 'held', 'cancelled')", name="session_state_known"),
        sa.CheckConstraint("minutes BETWEEN 5 AND 600", name="session_length_sane"),
    )
    op.create_index("ix_support_session_starts_at", "support_session", ["state", "starts_at"])
    op.create_index("ix_support_session_attendees", "support_session", ["attendees"], postgresql_using="gin")


def downgrade() -> None:
    op.drop_table("support_session")
