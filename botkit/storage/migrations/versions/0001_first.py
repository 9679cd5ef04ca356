"""Sync token, inbox, outbox and room notes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _sequence() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the first tables."""
    op.create_table(
        "sync_state",
        sa.Column("user_id", sa.String, primary_key=True),
        sa.Column("device_id", sa.String, primary_key=True),
        sa.Column("next_batch", sa.Text, nullable=False),
    )
    op.create_table(
        "inbox",
        sa.Column("seq", _sequence(), primary_key=True, autoincrement=True),
        sa.Column("event_id", sa.String, nullable=False, unique=True),
        sa.Column("room_id", sa.String, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("inbox_by_state", "inbox", ["state", "seq"])
    op.create_index("inbox_by_room", "inbox", ["room_id", "state", "seq"])
    op.create_table(
        "outbox",
        sa.Column("id", _sequence(), primary_key=True, autoincrement=True),
        sa.Column("room_id", sa.String, nullable=False),
        sa.Column("txn_id", sa.String, nullable=False, unique=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempted", sa.Boolean, nullable=False),
        sa.Column("event_id", sa.String, nullable=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("outbox_by_room", "outbox", ["room_id", "state", "id"])
    op.create_index("outbox_by_state", "outbox", ["state", "id"])
    op.create_table(
        "rooms",
        sa.Column("room_id", sa.String, primary_key=True),
        sa.Column("encrypted", sa.Boolean, nullable=False),
        sa.Column("suspended", sa.Boolean, nullable=False),
        sa.Column("hinted_sessions", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    for name in ("rooms", "outbox", "inbox", "sync_state"):
        op.drop_table(name)
