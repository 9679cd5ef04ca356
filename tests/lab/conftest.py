from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab.federation import Federation
from lab.livekit import livekit_binary
from tests.lab.client import Client


@pytest.fixture
async def federation(tmp_path: Path) -> AsyncIterator[Federation]:
    async with Federation(tmp_path) as federation:
        yield federation


@pytest.fixture
def client(federation: Federation) -> Client:
    return Client(federation)


@pytest.fixture(scope="session")
def livekit() -> None:
    """For tests with a real SFU; where none was built they are skipped by name."""
    if livekit_binary() is None:
        pytest.skip("livekit-server is not here: make livekit")
