"""Loops, actions and their steps, and the copies of programmes, words and case links that pages read.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from shared.migrate import create_messaging_tables, create_people_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
TO_DO = "state IN ('raised', 'seen', 'in_progress', 'returned')"
OPEN = "state IN ('raised', 'seen', 'in_progress', 'returned', 'reported')"


def upgrade() -> None:
    create_messaging_tables(op)
    create_people_tables(op)
    _loops()
    _actions()
    _steps()
    _copies()


def _loops() -> None:
    op.create_table(
        "loop",
        sa.Column("audit_id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("audit_version", sa.Integer, nullable=False),
        sa.Column("assessment_id", sa.Uuid, nullable=False),
        sa.Column("child_id", sa.Uuid, nullable=False),
        sa.Column("programme_id", sa.Uuid, nullable=False),
        sa.Column("theme_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("auditor_id", sa.Text, nullable=False),
        sa.Column("team_id", sa.Text),
        sa.Column("worker_id", sa.Text),
        sa.Column("authorised_by", sa.Text),
        sa.Column("authorised_on", sa.Date, nullable=False),
        sa.Column("grade", sa.Text, nullable=False),
        sa.Column("rag", sa.Text, nullable=False),
        sa.Column("strengths", sa.Integer, nullable=False),
        sa.Column("completed_at", INSTANT, nullable=False),
        sa.Column("standing", sa.Text, nullable=False),
        sa.Column("closed_at", INSTANT),
        sa.Column("grade_after", sa.Text),
        sa.CheckConstraint("standing IN ('empty', 'open', 'closed')", name="standing_known"),
        sa.CheckConstraint("(standing = 'closed') = (closed_at IS NOT NULL)", name="closed_has_its_time"),
    )


def _actions() -> None:
    op.create_table(
        "action",
        sa.Column("action_id", sa.Uuid, primary_key=True),
        sa.Column("audit_id", sa.Uuid, sa.ForeignKey("loop.audit_id"), nullable=False),
        sa.Column("finding_id", sa.Uuid, nullable=False, unique=True),
        sa.Column("child_id", sa.Uuid, nullable=False),
        sa.Column("programme_id", sa.Uuid, nullable=False),
        sa.Column("theme_id", sa.Text, nullable=False),
        sa.Column("auditor_id", sa.Text, nullable=False),
        sa.Column("worker_id", sa.Text),
        sa.Column("authorised_by", sa.Text),
        sa.Column("owner_id", sa.Text),
        sa.Column("owner_because", sa.Text, nullable=False),
        sa.Column("named_owner", sa.Text),
        sa.Column("team_id", sa.Text),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("rag", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("raised_at", INSTANT, nullable=False),
        sa.Column("due_on", sa.Date, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("first_due_on", sa.Date, nullable=False),
        sa.Column("first_due_at", INSTANT, nullable=False),
        sa.Column("working_days", sa.Integer, nullable=False),
        sa.Column("due_rule", sa.Text, nullable=False),
        sa.Column("extensions", sa.Integer, nullable=False),
        sa.Column("reassignments", sa.Integer, nullable=False),
        sa.Column("returns", sa.Integer, nullable=False),
        sa.Column("chases", sa.Integer, nullable=False),
        sa.Column("reported_by", sa.Text),
        sa.Column("reported_at", INSTANT),
        sa.Column("verified_by", sa.Text),
        sa.Column("verified_at", INSTANT),
        sa.Column("in_time", sa.Boolean),
        sa.CheckConstraint(f"{OPEN} OR state IN ('verified', 'withdrawn')", name="state_known"),
        # Behind the rule of the code, so that no road leads to a verification of one's own report.
        sa.CheckConstraint("verified_by IS DISTINCT FROM reported_by OR verified_by IS NULL", name="not_own_work"),
    )
    op.create_index("ix_action_audit_id", "action", ["audit_id"])
    # Lists read open actions only: their cost does not grow with what is finished.
    op.create_index("ix_action_open_due_at", "action", ["due_at", "action_id"], postgresql_where=sa.text(OPEN))
    op.create_index("ix_action_open_owner_id", "action", ["owner_id", "due_at"], postgresql_where=sa.text(OPEN))
    op.create_index("ix_action_open_team_id", "action", ["team_id", "due_at"], postgresql_where=sa.text(OPEN))
    op.create_index(
        "ix_action_waiting_auditor_id",
        "action",
        ["auditor_id", "due_at"],
        postgresql_where=sa.text("state = 'reported'"),
    )
    op.create_index(
        "ix_action_finished_owner_id",
        "action",
        ["owner_id", sa.text("verified_at DESC")],
        postgresql_where=sa.text("state = 'verified'"),
    )


def _steps() -> None:
    op.create_table(
        "step",
        sa.Column("step_id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("action_id", sa.Uuid, sa.ForeignKey("action.action_id"), nullable=False),
        sa.Column("move", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("by", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("text_id", sa.Uuid),
        sa.Column("owner_id", sa.Text),
        sa.Column("due_on", sa.Date),
    )
    op.create_index("ix_step_action_id", "step", ["action_id", "step_id"])


def _copies() -> None:
    op.create_table(
        "text",
        sa.Column("text_id", sa.Uuid, primary_key=True),
        sa.Column("about", sa.Uuid),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("parts", JSONB, nullable=False),
        sa.Column("erased", sa.Boolean, nullable=False),
    )
    op.create_table(
        "case_link",
        sa.Column("child_id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
    )
    op.create_table(
        "programme",
        sa.Column("programme_id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("themes", JSONB, nullable=False),
        sa.Column("scale", JSONB, nullable=False),
        sa.Column("action_working_days", sa.Integer, nullable=False),
        sa.Column("red_action_working_days", sa.Integer),
    )
    op.create_table(
        "moderated",
        sa.Column("audit_id", sa.Uuid, primary_key=True),
        sa.Column("moderator_id", sa.Text, primary_key=True),
    )
    op.create_table(
        "holiday",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
    )


def downgrade() -> None:
    for table in ("holiday", "moderated", "programme", "case_link", "text", "step", "action", "loop"):
        op.drop_table(table)
