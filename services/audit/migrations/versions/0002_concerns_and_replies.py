"""Cases chosen by hand, concerns, the practitioner's say, readiness of a programme, and where each loop stands.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    for column in (
        sa.Column("chosen_by", sa.Text),
        sa.Column("chosen_because", sa.Text),
        sa.Column("comment_by", sa.Date),
        sa.Column("comment", sa.Text),
        sa.Column("commented_at", INSTANT),
    ):
        op.add_column("audit", column)
    _concerns()
    _challenges()
    op.create_table(
        "readiness",
        sa.Column("programme_id", sa.Uuid, sa.ForeignKey("programme.programme_id"), primary_key=True),
        sa.Column("item", sa.Text, primary_key=True),
        sa.Column("ticked_by", sa.Text, nullable=False),
        sa.Column("ticked_at", INSTANT, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_table(
        "loop",
        sa.Column("audit_id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("standing", sa.Text, nullable=False),
        sa.Column("actions", sa.Integer, nullable=False),
        sa.Column("waiting", sa.Integer, nullable=False),
        sa.Column("verified", sa.Integer, nullable=False),
    )


def _concerns() -> None:
    op.create_table(
        "concern",
        sa.Column("concern_id", sa.Uuid, primary_key=True),
        sa.Column("audit_id", sa.Uuid, sa.ForeignKey("audit.audit_id"), nullable=False),
        sa.Column("child_id", sa.Uuid, nullable=False),
        sa.Column("raised_by", sa.Text, nullable=False),
        sa.Column("raised_at", INSTANT, nullable=False),
        sa.Column("worry", sa.Text, nullable=False),
        sa.Column("telephoned", sa.Text, nullable=False),
        sa.Column("implicated", ARRAY(sa.Text), nullable=False),
        sa.Column("recipients", ARRAY(sa.Text), nullable=False),
        sa.Column("lado", sa.Boolean, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("acknowledge_by", INSTANT, nullable=False),
        sa.Column("acknowledged_by", sa.Text),
        sa.Column("acknowledged_at", INSTANT),
        sa.Column("closed_by", sa.Text),
        sa.Column("closed_at", INSTANT),
        sa.Column("made_safe", sa.Text),
        sa.CheckConstraint("(closed_at IS NULL) = (made_safe IS NULL)", name="closed_by_what_made_it_safe"),
    )
    op.create_index("ix_concern_audit_id", "concern", ["audit_id"])
    op.create_index(
        "ix_concern_unacknowledged",
        "concern",
        ["acknowledge_by"],
        postgresql_where=sa.text("acknowledged_at IS NULL AND closed_at IS NULL"),
    )


def _challenges() -> None:
    op.create_table(
        "challenge",
        sa.Column("challenge_id", sa.Uuid, primary_key=True),
        sa.Column("audit_id", sa.Uuid, sa.ForeignKey("audit.audit_id"), nullable=False),
        sa.Column("finding_id", sa.Uuid, nullable=False),
        sa.Column("raised_by", sa.Text, nullable=False),
        sa.Column("raised_at", INSTANT, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("upheld", sa.Boolean),
        sa.Column("answer", sa.Text),
        sa.Column("answered_by", sa.Text),
        sa.Column("answered_at", INSTANT),
        sa.CheckConstraint("(answer IS NULL) = (upheld IS NULL)", name="answered_with_a_decision"),
    )
    op.create_index("ix_challenge_audit_id", "challenge", ["audit_id"])
