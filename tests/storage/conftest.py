"""The databases that the storage tests run on."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from botkit.storage import Database
from botkit.storage.tables import metadata
from tests.storage.postgres import Postgres, find


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL."""
    program = find("initdb")
    if program is None:
        pytest.skip("PostgreSQL (initdb, pg_ctl) is not installed")
    # not below pytest's directory: that one is closed to the user the server runs as
    directory = Path(tempfile.mkdtemp(prefix="foci-pg-"))
    directory.chmod(0o755)
    server = Postgres(directory / "server", program.parent)
    server.create()
    yield server
    server.stop()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
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
