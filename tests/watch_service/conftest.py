"""The databases that the watch service's tests run on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from botkit.storage import Database
from tests.storage.postgres import Postgres
from tests.watch_service.ops import opened


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """SQLite with all tables."""
    database = await opened(f"sqlite:///{tmp_path / 'foci.db'}")
    yield database
    await database.close()


@pytest.fixture(params=["sqlite", "postgres"])
async def any_database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """Each kind of database in turn, with all tables and nothing in them."""
    url = f"sqlite:///{tmp_path / 'foci.db'}"
    if request.param == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        url = await server.emptied()
    database = await opened(url)
    yield database
    await database.close()
