"""Runs migrations on the connection that the bot hands over."""

from __future__ import annotations

from alembic import context

from botkit.storage.tables import metadata

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    target_metadata=metadata,
    version_table=attributes["version_table"],
)
with context.begin_transaction():
    context.run_migrations()
