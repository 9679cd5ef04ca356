from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab.authority import Authority
from lab.federation import Federation
from lab.front import Mount
from lab.homeserver import USERINFO, userinfo
from tests.outbound.standins import NameTable
from tests.truth.world import NAME, World


@pytest.fixture
async def world(tmp_path: Path, authority: Authority) -> AsyncIterator[World]:
    """
    A federation with nothing but a federation port, and a name server that knows nothing.

    Whatever a row starts in it ends with it.
    """
    transport, table = await asyncio.get_running_loop().create_datagram_endpoint(NameTable, local_addr=("127.0.0.1", 0))
    async with Federation(tmp_path, authority=authority) as federation:
        (await federation.site(f"{NAME}:8448")).mount(Mount(USERINFO, userinfo, exact=True))
        world = World(tmp_path, federation, table)
        yield world
        await world.close()
    transport.close()
    await asyncio.sleep(0)
