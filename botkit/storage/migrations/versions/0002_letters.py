"""Letters of plugins, pictures, calls of hooks, reactions and upgrades of rooms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ADDED = ("plugin", "about", "placement", "attachment", "attempted_at", "attempted_by")


def _sequence() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create them."""
    op.add_column("outbox", sa.Column("plugin", sa.String, nullable=True))
    op.add_column("outbox", sa.Column("about", sa.String, nullable=True))
    op.add_column("outbox", sa.Column("placement", sa.String, nullable=True))
    op.add_column("outbox", sa.Column("attachment", sa.LargeBinary, nullable=True))
    op.add_column("outbox", sa.Column("attempted_at", sa.BigInteger, nullable=True))
    op.add_column("outbox", sa.Column("attempted_by", sa.String, nullable=True))
    op.create_table(
        "letters",
        sa.Column("event_id", sa.String, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("room_id", sa.String, nullable=False),
        sa.Column("plugin", sa.String, nullable=False),
        sa.Column("about", sa.String, nullable=False),
        sa.Column("anchor", sa.Boolean, nullable=False),
        sa.Column("sent_at", sa.BigInteger, nullable=False),
    )
    op.create_index("letters_by_about", "letters", ["room_id", "plugin", "about"])
    op.create_index("letters_by_age", "letters", ["sent_at"])
    op.create_table(
        "calls",
        sa.Column("seq", _sequence(), primary_key=True, autoincrement=True),
        sa.Column("plugin", sa.String, nullable=False),
        sa.Column("room_id", sa.String, nullable=False),
        sa.Column("hook", sa.String, nullable=False),
        sa.Column("event_id", sa.String, nullable=True),
        sa.Column("sender", sa.String, nullable=True),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("plugin", "hook", "event_id", name="calls_once_an_event"),
        sqlite_autoincrement=True,
    )
    op.create_index("calls_by_room", "calls", ["room_id", "plugin", "seq"])
    op.create_table(
        "reactions",
        sa.Column("event_id", sa.String, primary_key=True),
        sa.Column("room_id", sa.String, nullable=False),
        sa.Column("plugin", sa.String, nullable=False),
        sa.Column("taken_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "upgrades",
        sa.Column("room_id", sa.String, primary_key=True),
        sa.Column("event_id", sa.String, nullable=False),
        sa.Column("replacement", sa.String, nullable=False),
        sa.Column("via", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    for name in ("upgrades", "reactions", "calls", "letters"):
        op.drop_table(name)
    with op.batch_alter_table("outbox") as batch:
        for name in _ADDED:
            batch.drop_column(name)
