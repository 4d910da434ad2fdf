"""Escalations on actions; notices and the messages that they leave in.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
TO_DO = "state IN ('raised', 'seen', 'in_progress', 'returned')"


def upgrade() -> None:
    op.add_column("action", sa.Column("watched_from", sa.Date))
    op.execute("UPDATE action SET watched_from = due_on")
    op.alter_column("action", "watched_from", nullable=False)
    op.add_column("action", sa.Column("escalated_step", sa.Integer, nullable=False, server_default="0"))
    op.add_column("action", sa.Column("escalated_to", sa.Text))
    op.add_column("action", sa.Column("escalated_at", INSTANT))
    op.add_column("action", sa.Column("acknowledged_by", sa.Text))
    op.add_column("action", sa.Column("acknowledged_at", INSTANT))
    op.create_index("ix_action_watched_from", "action", ["watched_from"], postgresql_where=sa.text(TO_DO))
    op.create_index("ix_action_to_do_due_on", "action", ["due_on"], postgresql_where=sa.text(TO_DO))
    _messages()


def _messages() -> None:
    op.create_table(
        "message",
        sa.Column("message_id", sa.Uuid, primary_key=True),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("next_at", INSTANT, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("channel", sa.Text),
        sa.Column("failure", sa.Text),
        sa.Column("sent_at", INSTANT),
        sa.CheckConstraint("state IN ('ready', 'sent', 'failed')", name="message_state_known"),
    )
    op.create_index("ix_message_ready", "message", ["next_at"], postgresql_where=sa.text("state = 'ready'"))
    op.create_index("ix_message_failed", "message", ["made_at"], postgresql_where=sa.text("state = 'failed'"))
    op.create_index("ix_message_made_at", "message", ["made_at"])
    op.create_table(
        "notice",
        sa.Column("notice_id", sa.Uuid, primary_key=True),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("about", sa.Uuid, nullable=False),
        sa.Column("occasion", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("send_after", INSTANT, nullable=False),
        sa.Column("message_id", sa.Uuid, sa.ForeignKey("message.message_id")),
        sa.Column("dropped", sa.Boolean, nullable=False),
        sa.UniqueConstraint("person_id", "kind", "about", "occasion", name="told_once"),
    )
    waiting = sa.text("message_id IS NULL AND NOT dropped")
    op.create_index("ix_notice_waiting", "notice", ["send_after"], postgresql_where=waiting)
    op.create_index("ix_notice_message_id", "notice", ["message_id"])


def downgrade() -> None:
    op.drop_table("notice")
    op.drop_table("message")
    for column in (
        "watched_from",
        "escalated_step",
        "escalated_to",
        "escalated_at",
        "acknowledged_by",
        "acknowledged_at",
    ):
        op.drop_column("action", column)
