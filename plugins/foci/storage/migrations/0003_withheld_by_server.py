"""What is withheld is looked for by server at each change of its list."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.create_index("foci_withheld_by_server", "foci_withheld", ["server"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("foci_withheld_by_server", "foci_withheld")
