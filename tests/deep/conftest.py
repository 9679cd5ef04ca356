from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from lab.authority import Authority
from lab.backend import Backend
from lab.federation import Federation
from lab.synapse import Synapse
from tests.deep.world import NAME, SERVICE, SYNAPSE_ADDRESS, World


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory, livekit: None) -> AsyncIterator[World]:
    """A real homeserver with the bot's account, a real SFU, and a service that issues tokens for it."""
    directory = tmp_path_factory.mktemp("deep")
    federation = Federation(directory, authority=Authority(directory / "ca"))
    synapse = Synapse(
        directory / "hs",
        server_name=NAME,
        address=SYNAPSE_ADDRESS,
        authority=federation.authority,
        transports=[{"type": "livekit", "livekit_service_url": SERVICE}],
        msc4143=True,
    )
    backend = Backend(federation, directory / "rtc", SERVICE, homeserver=synapse)
    async with federation, synapse, backend:
        await federation.adopt(synapse, [backend.entry])
        yield World(federation, synapse, backend, await synapse.register("foci", "wonderland"), directory)
