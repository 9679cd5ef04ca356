from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab.authority import Authority
from lab.federation import Federation
from tests.foci.examination import Examination
from tests.outbound.standins import NameTable


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def federation(tmp_path: Path, authority: Authority) -> AsyncIterator[Federation]:
    async with Federation(tmp_path, authority=authority) as federation:
        yield federation


@pytest.fixture
async def names() -> AsyncIterator[NameTable]:
    """A name server that knows nothing until it is told."""
    transport, table = await asyncio.get_running_loop().create_datagram_endpoint(NameTable, local_addr=("127.0.0.1", 0))
    yield table
    transport.close()
    await asyncio.sleep(0)


@pytest.fixture
def examination(federation: Federation, names: NameTable) -> Examination:
    assert names.transport is not None
    host, port = names.transport.get_extra_info("sockname")
    return Examination(federation, f"{host}:{port}")
