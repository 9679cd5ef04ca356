from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab.authority import Authority
from lab.federation import Federation
from tests.foci.conftest import authority
from tests.foci.examination import Examination
from tests.matrix.conftest import alice, names, synapse

__all__ = ["alice", "authority", "names", "synapse"]


@pytest.fixture
async def federation(tmp_path: Path, authority: Authority) -> AsyncIterator[Federation]:
    async with Federation(tmp_path / "federation", authority=authority) as federation:
        yield federation


@pytest.fixture
def examination(federation: Federation) -> Examination:
    """Checks in a federation; names outside of it are nowhere to be found."""
    return Examination(federation, "127.0.0.1:9")
