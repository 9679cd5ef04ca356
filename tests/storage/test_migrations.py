"""Migrations: those that exist stay as they are, and a database from the future is left alone."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from sqlalchemy import text

from botkit.storage import Database, DatabaseRefusedError
from plugins.foci.plugin import FociPlugin

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("botkit/storage/migrations/versions", "plugins/foci/storage/migrations")
FROZEN = Path(__file__).with_name("frozen_migrations.txt")


def checksums() -> list[str]:
    """A line for each migration, as ``sha256sum`` writes them."""
    files = [path for place in PLACES for path in (ROOT / place).glob("[0-9]*.py")]
    return sorted(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(ROOT)}" for path in files)


def test_migrations_are_frozen() -> None:
    """A migration that ran somewhere is never changed; a new one gets its line in the list, by ``sha256sum``."""
    assert checksums() == sorted(FROZEN.read_text().splitlines())


@pytest.mark.parametrize("table", ["alembic_version", "alembic_version_foci"])
async def test_a_newer_database_is_refused(database: Database, table: str) -> None:
    """One line that names database and revision; nothing in it is touched."""
    await database.migrate("foci", FociPlugin.migrations or Path())
    async with database.begin() as connection:
        await connection.execute(text(f"UPDATE {table} SET version_num = '9999'"))

    await database.close()

    async def start() -> None:
        await database.open()
        await database.migrate("foci", FociPlugin.migrations or Path())

    with pytest.raises(DatabaseRefusedError, match=rf"a newer version of the bot \({table} 9999\)") as caught:
        await start()
    assert "\n" not in str(caught.value)
