"""Messages that somebody has in hand, from before they leave until it is known what came of them.

Revision ID: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _states("'ready', 'sending', 'sent', 'failed'", "state IN ('ready', 'sending')")


def downgrade() -> None:
    op.execute("UPDATE message SET state = 'ready' WHERE state = 'sending'")
    _states("'ready', 'sent', 'failed'", "state = 'ready'")


def _states(known: str, to_send: str) -> None:
    op.drop_constraint("message_state_known", "message")
    op.create_check_constraint("message_state_known", "message", f"state IN ({known})")
    op.drop_index("ix_message_ready", "message")
    op.create_index("ix_message_ready", "message", ["next_at"], postgresql_where=sa.text(to_send))
