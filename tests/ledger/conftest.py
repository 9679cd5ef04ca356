"""The databases that the ledger's tests run on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from botkit.storage import Database
from tests.ledger.ops import opened
from tests.storage.conftest import postgres

__all__ = ["database", "postgres"]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """SQLite with all tables."""
    database = await opened(f"sqlite:///{tmp_path / 'foci.db'}")
    yield database
    await database.close()
