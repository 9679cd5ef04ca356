"""The databases that the storage tests run on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from botkit.storage import Database
from botkit.storage.tables import metadata


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database of either kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'new directory' / 'bot.db'}"
    else:
        url = request.getfixturevalue("postgres").url
    database = Database(url)
    await database.open()
    async with database.begin() as connection:
        for table in metadata.sorted_tables:
            await connection.execute(delete(table))
    yield database
    await database.close()
