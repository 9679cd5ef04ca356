"""The plugin's tables: what the migrations build is what the code expects."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from botkit.storage import Database
from plugins.foci.plugin import FociPlugin
from plugins.foci.storage.tables import metadata


async def test_migrations_make_the_tables(any_database: Database) -> None:
    """On both databases, beside the host's own; a second start changes nothing."""

    def differences(connection: Connection) -> list[object]:
        options = {"include_name": lambda name, kind, _: kind != "table" or str(name).startswith("foci_")}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    assert FociPlugin.migrations is not None
    await any_database.migrate("foci", FociPlugin.migrations)
    async with any_database.begin() as connection:
        assert await connection.run_sync(differences) == []
        assert len(metadata.tables) == 12
