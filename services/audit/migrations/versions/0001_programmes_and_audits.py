"""Programmes, their draws, audits and the copy of case links.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

from shared.migrate import create_messaging_tables, create_people_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
OPEN = "state IN ('waiting', 'allocated', 'checking')"


def upgrade() -> None:
    create_messaging_tables(op)
    create_people_tables(op)
    _programmes()
    _draws()
    _audits()
    op.create_table(
        "child_link",
        sa.Column("child_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )


def _programmes() -> None:
    op.create_table(
        "programme",
        sa.Column("programme_id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("opens_on", sa.Date, nullable=False),
        sa.Column("closes_on", sa.Date, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("seed", sa.LargeBinary, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.CheckConstraint("state IN ('open', 'closed')", name="state_known"),
    )
    op.create_table(
        "programme_version",
        sa.Column("programme_id", sa.Uuid, sa.ForeignKey("programme.programme_id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("opened_by", sa.Text, nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
    )
    op.create_table(
        "theme",
        sa.Column("programme_id", sa.Uuid, sa.ForeignKey("programme.programme_id"), primary_key=True),
        sa.Column("theme_id", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("target", sa.Integer, nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )


def _draws() -> None:
    op.create_table(
        "theme_week",
        sa.Column("programme_id", sa.Uuid, primary_key=True),
        sa.Column("theme_id", sa.Text, primary_key=True),
        sa.Column("week", sa.Integer, primary_key=True),
        sa.Column("opens_on", sa.Date, nullable=False),
        sa.Column("target", sa.Integer, nullable=False),
        sa.Column("may_pass", sa.Boolean, nullable=False),
        sa.Column("want", sa.Integer, nullable=False),
        sa.Column("threshold", sa.Double, nullable=False),
        sa.Column("expected", sa.Double, nullable=False),
        sa.Column("arrivals", sa.Integer, nullable=False),
        sa.Column("drawn", sa.Integer, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("capped", sa.Boolean, nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(["programme_id", "theme_id"], ["theme.programme_id", "theme.theme_id"]),
    )
    op.create_index(
        "uq_theme_week_open",
        "theme_week",
        ["programme_id", "theme_id"],
        unique=True,
        postgresql_where=sa.text("NOT closed"),
    )
    op.create_table(
        "decision",
        sa.Column("assessment_id", sa.Uuid, primary_key=True),
        sa.Column("programme_id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("child_id", sa.Uuid, nullable=False),
        sa.Column("decided_on", sa.Date, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("theme_id", sa.Text),
        sa.Column("week", sa.Integer),
        sa.Column("sequence", sa.Integer),
        sa.Column("unit", sa.Uuid),
        sa.Column("priority", sa.Double),
        sa.Column("outcome", sa.Text),
        sa.Column("facts", sa.Text),
    )
    # The close and a replacement look for what still waits in one week: nothing else is worth an index here.
    op.create_index(
        "ix_decision_waiting",
        "decision",
        ["programme_id", "theme_id", "week"],
        postgresql_where=sa.text("outcome = 'not_drawn'"),
    )
    op.create_table(
        "draw_log",
        sa.Column("programme_id", sa.Uuid, primary_key=True),
        sa.Column("theme_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )


def _audits() -> None:
    op.create_table(
        "audit",
        sa.Column("audit_id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("assessment_id", sa.Uuid, nullable=False),
        sa.Column("child_id", sa.Uuid, nullable=False),
        sa.Column("programme_id", sa.Uuid, sa.ForeignKey("programme.programme_id"), nullable=False),
        sa.Column("theme_id", sa.Text, nullable=False),
        sa.Column("week", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("priority", sa.Double, nullable=False),
        sa.Column("threshold", sa.Double, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("by_hand", sa.Boolean, nullable=False),
        sa.Column("sampled_on", sa.Date, nullable=False),
        sa.Column("authorised_on", sa.Date, nullable=False),
        sa.Column("team_id", sa.Text),
        sa.Column("worker_id", sa.Text),
        sa.Column("authorised_by", sa.Text),
        sa.Column("family_key", sa.Text),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("flag", sa.Text),
        sa.Column("auditor_id", sa.Text),
        sa.Column("due_on", sa.Date),
        sa.Column("form", sa.Text, nullable=False),
        sa.Column("saved", sa.Integer, nullable=False),
        sa.Column("saved_tab", sa.Text, nullable=False),
        sa.Column("saved_at", INSTANT),
        sa.Column("grade", sa.Text),
        sa.Column("rag", sa.Text),
        sa.Column("completed_at", INSTANT),
        sa.Column("completed_on", sa.Date),
        sa.CheckConstraint(f"{OPEN} OR state IN ('completed', 'returned', 'withdrawn')", name="state_known"),
        sa.CheckConstraint("(state = 'completed') = (completed_at IS NOT NULL)", name="completed_has_its_time"),
        sa.CheckConstraint("auditor_id IS DISTINCT FROM worker_id OR auditor_id IS NULL", name="not_own_work"),
    )
    op.create_index("ix_audit_child_id", "audit", ["child_id", "sampled_on"])
    op.create_index("ix_audit_assessment_id", "audit", ["assessment_id"])
    op.create_index("ix_audit_open", "audit", ["auditor_id", "due_on"], postgresql_where=sa.text(OPEN))
    op.create_index("ix_audit_theme_week", "audit", ["programme_id", "theme_id", "week"])
    op.create_index("ix_audit_worker_id", "audit", ["worker_id"])
    op.create_index("ix_audit_team_id", "audit", ["team_id"])
    op.create_table(
        "amendment",
        sa.Column("amendment_id", sa.Uuid, primary_key=True),
        sa.Column("audit_id", sa.Uuid, sa.ForeignKey("audit.audit_id"), nullable=False, index=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("form", sa.Text, nullable=False),
        sa.Column("grade", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("amended_by", sa.Text, nullable=False),
        sa.Column("amended_at", INSTANT, nullable=False),
    )
    op.create_table(
        "hand_over",
        sa.Column("audit_id", sa.Uuid, sa.ForeignKey("audit.audit_id"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("auditor_id", sa.Text, nullable=False),
        sa.Column("to_auditor_id", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
    )
