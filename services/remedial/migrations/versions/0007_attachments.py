"""Files attached to actions as evidence, their content in pieces.

Revision ID: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "attachment",
        sa.Column("attachment_id", sa.Uuid, primary_key=True),
        sa.Column("action_id", sa.Uuid, sa.ForeignKey("action.action_id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("digest", sa.LargeBinary),
        sa.Column("scanned", sa.Boolean, nullable=False),
        sa.Column("attached_by", sa.Text, nullable=False),
        sa.Column("attached_at", INSTANT, nullable=False),
        sa.Column("gone_by", sa.Text),
        sa.Column("gone_at", INSTANT),
        # What is gone leaves neither its name nor the means to recognise it.
        sa.CheckConstraint(
            "CASE WHEN gone_at IS NULL THEN digest IS NOT NULL ELSE digest IS NULL AND name = '' END",
            name="gone_leaves_nothing",
        ),
    )
    op.create_index(
        "ix_attachment_standing",
        "attachment",
        ["action_id", "digest"],
        unique=True,
        postgresql_where=sa.text("gone_at IS NULL"),
    )
    op.create_table(
        "attachment_piece",
        sa.Column("attachment_id", sa.Uuid, sa.ForeignKey("attachment.attachment_id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    # Pictures and documents are packed already: PostgreSQL need not try.
    op.execute("ALTER TABLE attachment_piece ALTER COLUMN content SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.drop_table("attachment_piece")
    op.drop_table("attachment")
