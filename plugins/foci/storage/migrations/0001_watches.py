"""What watches remember: watches, servers, states, incidents, silences, rooms, history."""

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
    """Create the tables."""
    op.create_table(
        "foci_watches",
        sa.Column("room_id", sa.String, primary_key=True),
        sa.Column("server", sa.String, primary_key=True),
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("interval", sa.Float, nullable=True),
        sa.Column("deep", sa.Boolean, nullable=False),
        sa.Column("ignored", sa.Text, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("weighed", sa.Boolean, nullable=False),
    )
    op.create_index("foci_watches_by_server", "foci_watches", ["server"])
    op.create_table(
        "foci_servers",
        sa.Column("server", sa.String, primary_key=True),
        sa.Column("watched_since", sa.Float, nullable=False),
        sa.Column("due_at", sa.Float, nullable=True),
        sa.Column("confirm_at", sa.Float, nullable=True),
        sa.Column("list_state", sa.Text, nullable=True),
        sa.Column("copy", sa.Text, nullable=True),
        sa.Column("verdict", sa.String, nullable=True),
        sa.Column("summary", sa.Text, nullable=True),
        sa.Column("checked_at", sa.Float, nullable=True),
        sa.Column("deep_at", sa.Float, nullable=True),
        sa.Column("unconfirmed", sa.Boolean, nullable=False),
    )
    op.create_table(
        "foci_states",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
    )
    op.create_table(
        "foci_concerns",
        sa.Column("server", sa.String, primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("origin", sa.String, nullable=False),
        sa.Column("since", sa.Float, primary_key=True),
        sa.Column("ended_at", sa.Float, nullable=True),
    )
    op.create_index("foci_concerns_by_key", "foci_concerns", ["key", "ended_at"])
    op.create_table(
        "foci_hosts",
        sa.Column("host", sa.String, primary_key=True),
        sa.Column("answered_at", sa.Float, nullable=True),
        sa.Column("looked_at", sa.Float, nullable=True),
        sa.Column("trouble_since", sa.Float, nullable=True),
    )
    op.create_table(
        "foci_notes",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "foci_incidents",
        sa.Column("subject", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("next_at", sa.Float, nullable=True),
    )
    op.create_index("foci_incidents_by_time", "foci_incidents", ["next_at"])
    op.create_table(
        "foci_silences",
        sa.Column("room_id", sa.String, primary_key=True),
        sa.Column("target", sa.String, primary_key=True),
        sa.Column("until", sa.Float, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
    )
    op.create_table(
        "foci_withheld",
        sa.Column("room_id", sa.String, primary_key=True),
        sa.Column("server", sa.String, primary_key=True),
        sa.Column("snapshot", sa.Text, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("alternated_at", sa.Float, nullable=True),
    )
    op.create_table(
        "foci_rooms",
        sa.Column("room_id", sa.String, primary_key=True),
        sa.Column("replaced_by", sa.String, nullable=True),
        sa.Column("suspended_at", sa.Float, nullable=True),
    )
    op.create_table(
        "foci_changes",
        sa.Column("seq", _sequence(), primary_key=True, autoincrement=True),
        sa.Column("server", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("endpoint", sa.String, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("foci_changes_by_server", "foci_changes", ["server", "at"])
    op.create_index("foci_changes_by_time", "foci_changes", ["at"])
    op.create_table(
        "foci_outages",
        sa.Column("seq", _sequence(), primary_key=True, autoincrement=True),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("start", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float, nullable=True),
        sa.Column("code", sa.String, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("foci_outages_by_key", "foci_outages", ["key", "start"])
    op.create_index("foci_outages_by_time", "foci_outages", ["ended_at"])


def downgrade() -> None:
    """Drop them."""
    for name in (
        "foci_outages",
        "foci_changes",
        "foci_rooms",
        "foci_withheld",
        "foci_silences",
        "foci_incidents",
        "foci_notes",
        "foci_hosts",
        "foci_concerns",
        "foci_states",
        "foci_servers",
        "foci_watches",
    ):
        op.drop_table(name)
