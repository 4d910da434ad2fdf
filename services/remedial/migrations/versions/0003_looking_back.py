"""Whether a loop held; patterns; strengths; the second look at a verification.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("loop", sa.Column("held_days", sa.Integer, nullable=False, server_default="0"))
    op.add_column("loop", sa.Column("came_back", sa.Boolean, nullable=False, server_default=sa.false()))
    looked_at = sa.text("standing = 'closed' AND NOT came_back AND held_days < 90")
    op.create_index("ix_loop_looked_at", "loop", ["child_id"], postgresql_where=looked_at)
    op.create_index("ix_loop_looked_at_closed_at", "loop", ["closed_at"], postgresql_where=looked_at)
    op.add_column("action", sa.Column("check_drawn_at", INSTANT))
    op.add_column("action", sa.Column("checked_by", sa.Text))
    op.add_column("action", sa.Column("checked_at", INSTANT))
    op.add_column("action", sa.Column("check_upheld", sa.Boolean))
    drawn = sa.text("check_drawn_at IS NOT NULL AND checked_at IS NULL")
    op.create_index("ix_action_check_drawn", "action", ["check_drawn_at"], postgresql_where=drawn)
    op.create_index("ix_action_team_domain", "action", ["team_id", "domain", "raised_at"])
    op.create_table(
        "pattern",
        sa.Column("pattern_id", sa.Uuid, primary_key=True),
        sa.Column("team_id", sa.Text, nullable=False),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("detected_at", INSTANT, nullable=False),
        sa.Column("actions", sa.Integer, nullable=False),
    )
    op.create_index("ix_pattern_team_id", "pattern", ["team_id", "domain", "detected_at"])
    op.create_table(
        "strength",
        sa.Column("strength_id", sa.Uuid, primary_key=True),
        sa.Column("audit_id", sa.Uuid, nullable=False),
        sa.Column("worker_id", sa.Text),
        sa.Column("team_id", sa.Text),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("recognised_at", INSTANT, nullable=False),
    )
    op.create_index("ix_strength_worker_id", "strength", ["worker_id", "recognised_at"])


def downgrade() -> None:
    op.drop_table("strength")
    op.drop_table("pattern")
    for column in ("check_drawn_at", "checked_by", "checked_at", "check_upheld"):
        op.drop_column("action", column)
    op.drop_column("loop", "came_back")
    op.drop_column("loop", "held_days")
