"""What watches remember, in the database: a module for each kind of thing, within the caller's transaction."""

from __future__ import annotations

from pathlib import Path

REVISIONS = Path(__file__).resolve().parent.parent / "migrations"
"""The Alembic revisions of the plugin's tables (``Plugin.migrations``)."""
