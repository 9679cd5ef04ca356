"""The databases that the storage tests run on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from botkit.storage import Database


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database of either kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'new directory' / 'bot.db'}"
    else:
        url = await request.getfixturevalue("postgres").emptied()
    database = Database(url)
    await database.open()
    yield database
    await database.close()
