"""
Servers that ever answered, each with the time since when it is silent, in place of what was seen of each host.

Hosts are not taken over: a server counts from its first answer on, which is one check away.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the one, drop the other."""
    op.create_table(
        "foci_heard",
        sa.Column("server", sa.String, primary_key=True),
        sa.Column("silent_since", sa.Float, nullable=True),
    )
    op.drop_table("foci_hosts")


def downgrade() -> None:
    """The other way round."""
    op.create_table(
        "foci_hosts",
        sa.Column("host", sa.String, primary_key=True),
        sa.Column("answered_at", sa.Float, nullable=True),
        sa.Column("looked_at", sa.Float, nullable=True),
        sa.Column("trouble_since", sa.Float, nullable=True),
    )
    op.drop_table("foci_heard")
