"""One real Synapse for all tests of this directory; every test has accounts and rooms of its own."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from lab.synapse import Synapse
from tests.matrix.person import Person


@pytest.fixture(scope="session")
def synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    """A running homeserver without rate limits."""
    server = Synapse(tmp_path_factory.mktemp("synapse"))
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


@pytest.fixture(scope="session")
def names() -> Callable[[str], str]:
    """Makes localparts that nobody has yet."""
    counter = itertools.count(1)
    return lambda stem: f"{stem}{next(counter)}"


@pytest.fixture
async def alice(synapse: Synapse, names: Callable[[str], str], tmp_path: Path) -> AsyncIterator[Person]:
    """A person with a real encrypting client."""
    async with Person(synapse, names("alice"), tmp_path / "alice") as person:
        yield person
