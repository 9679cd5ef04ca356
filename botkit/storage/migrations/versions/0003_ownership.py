"""Which account a database is bound to, which process owns it, and which device read last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and a column for the time of a token."""
    op.create_table(
        "ownership",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("user_id", sa.String, nullable=False),
        sa.Column("database_id", sa.String, nullable=False),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("released", sa.Boolean, nullable=False),
    )
    op.add_column("sync_state", sa.Column("taken_at", sa.BigInteger, nullable=True))
