from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab.federation import Federation
from tests.lab.client import Client


@pytest.fixture
async def federation(tmp_path: Path) -> AsyncIterator[Federation]:
    async with Federation(tmp_path) as federation:
        yield federation


@pytest.fixture
def client(federation: Federation) -> Client:
    return Client(federation)
