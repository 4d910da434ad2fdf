"""Children, work, what was refused, who sends, what was uploaded; people and messages.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.migrate import create_messaging_tables, create_people_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    create_messaging_tables(op)
    create_people_tables(op)
    _children()
    _work()
    _quarantine()
    _senders()
    _uploads()
    _spellings()


def _children() -> None:
    op.create_table(
        "child",
        sa.Column("child_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "episode",
        sa.Column("child_id", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("started_on", sa.Date, primary_key=True),
        sa.Column("ended_on", sa.Date),
        sa.Column("category", sa.Text),
        sa.Column("said_on", sa.Date, nullable=False),
        sa.Column("road", sa.Text, nullable=False),
        sa.Column("sender_id", sa.Text),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    )


def _work() -> None:
    op.create_table(
        "work",
        sa.Column("assessment_id", sa.Uuid, primary_key=True),
        sa.Column("child_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("started_on", sa.Date, nullable=False),
        sa.Column("road", sa.Text, nullable=False),
        sa.Column("sender_id", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("said", sa.JSON, nullable=False),
        sa.Column("digest", sa.Text),
        sa.Column("unmatched", ARRAY(sa.Text), nullable=False, server_default="{}"),
        sa.Column("changed", ARRAY(sa.Text), nullable=False, server_default="{}"),
        sa.Column("withdrawn_road", sa.Text),
        sa.Column("withdrawn_version", sa.Integer, nullable=False, server_default="0"),
        sa.Column("withdrawn_at", INSTANT),
        sa.Column("first_heard_at", INSTANT, nullable=False),
    )
    op.create_index("ix_work_child_id", "work", ["child_id"])
    # Behind the ledger's rule, so that no race gives one id of a sender's to two pieces of work.
    op.create_index("ux_work_sender_id", "work", ["sender_id", "kind", "road"], unique=True)
    # The list of what waits for business support: its cost follows what is unmatched, not what is stored.
    op.create_index("ix_work_unmatched", "work", ["child_id"], postgresql_where=sa.text("unmatched <> '{}'"))
    op.create_table(
        "alias",
        sa.Column("road", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("sender_id", sa.Text, primary_key=True),
        sa.Column("child_id", sa.Uuid, nullable=False),
        sa.Column("assessment_id", sa.Uuid, nullable=False),
    )
    op.create_table(
        "work_change",
        sa.Column("change_id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("assessment_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("road", sa.Text, nullable=False),
        sa.Column("fields", JSONB, nullable=False),
    )
    op.create_index("ix_work_change_assessment_id", "work_change", ["assessment_id"])


def _quarantine() -> None:
    op.create_table(
        "quarantined",
        sa.Column("quarantine_id", sa.Uuid, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False, unique=True),
        sa.Column("road", sa.Text, nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("kind", sa.Text),
        sa.Column("place", JSONB, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("field", sa.Text, nullable=False),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("fields", JSONB, nullable=False),
        sa.Column("as_of", sa.Date),
        sa.Column("came_at", INSTANT, nullable=False),
        sa.Column("seen", sa.Integer, nullable=False, server_default="1"),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("settled_at", INSTANT),
        sa.Column("settled_by", sa.Text),
        sa.Column("why", sa.Text),
        sa.CheckConstraint("state IN ('waiting', 'resubmitted', 'dismissed')", name="state_known"),
    )
    op.create_index("ix_quarantined_waiting", "quarantined", ["came_at"], postgresql_where=sa.text("state = 'waiting'"))


def _senders() -> None:
    op.create_table(
        "sender",
        sa.Column("sender_id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("token_hash", sa.Text, nullable=False, unique=True),
        sa.Column("added_at", INSTANT, nullable=False),
        sa.Column("added_by", sa.Text, nullable=False),
        sa.Column("revoked_at", INSTANT),
    )
    op.create_table(
        "receipt",
        sa.Column("receipt_id", sa.Uuid, primary_key=True),
        sa.Column("sender_id", sa.Uuid, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("accepted", sa.Integer, nullable=False),
        sa.Column("duplicate", sa.Integer, nullable=False),
        sa.Column("quarantined", sa.Integer, nullable=False),
    )
    op.create_table(
        "feed",
        sa.Column("feed", sa.Text, primary_key=True),
        sa.Column("road", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("last_heard_at", INSTANT, nullable=False),
        sa.Column("accepted", sa.BigInteger, nullable=False),
        sa.Column("duplicate", sa.BigInteger, nullable=False),
        sa.Column("quarantined", sa.BigInteger, nullable=False),
        sa.Column("silent_since", INSTANT),
    )
    op.create_table(
        "feed_day",
        sa.Column("feed", sa.Text, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("first_at", sa.Time, nullable=False),
    )
    op.create_table(
        "feed_arrival",
        sa.Column("arrival_id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("feed", sa.Text, nullable=False),
        sa.Column("road", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("accepted", sa.Integer, nullable=False),
        sa.Column("duplicate", sa.Integer, nullable=False),
        sa.Column("quarantined", sa.Integer, nullable=False),
    )


def _uploads() -> None:
    op.create_table(
        "upload",
        sa.Column("upload_id", sa.Uuid, primary_key=True),
        sa.Column("road", sa.Text, nullable=False),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("accepted", sa.Integer, nullable=False),
        sa.Column("duplicate", sa.Integer, nullable=False),
        sa.Column("quarantined", sa.Integer, nullable=False),
        sa.Column("context", JSONB, nullable=False),
        sa.Column("notes", ARRAY(sa.Text), nullable=False),
        sa.Column("finished_at", INSTANT),
    )
    op.create_index("ix_upload_at", "upload", ["at"])
    op.create_table(
        "upload_row",
        sa.Column("upload_id", sa.Uuid, sa.ForeignKey("upload.upload_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("sheet", sa.Text, primary_key=True),
        sa.Column("row", sa.Integer, primary_key=True),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("column", sa.Text),
        sa.Column("reason", sa.Text),
    )


def _spellings() -> None:
    op.create_table(
        "spelling",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("stand_in", sa.Text, primary_key=True),
        sa.Column("shown", sa.Text, nullable=False),
        sa.Column("stands_for", sa.Text),
        sa.Column("first_seen_at", INSTANT, nullable=False),
        sa.Column("settled_by", sa.Text),
        sa.Column("told_at", INSTANT),
        sa.CheckConstraint("kind IN ('worker', 'team')", name="kind_known"),
    )
    op.create_table(
        "unmatched_count",
        sa.Column("only_row", sa.Boolean, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("workers", sa.Integer, nullable=False),
        sa.Column("teams", sa.Integer, nullable=False),
    )
