"""SIGTERM while thousands of checks are under way or wait."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import ClientSession

from lab.authority import Authority
from lab.loopback import reserved_port
from lab.synapse import Synapse
from tests.durability.stage import stage
from tests.matrix.patience import until

SERVERS = 3000


@asynccontextmanager
async def silence() -> AsyncIterator[str]:
    """The address of a listener that takes every connection and says nothing."""
    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", 0, backlog=1024)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        for writer in writers:
            writer.close()
        server.close()


async def test_it_ends_in_order_whatever_is_under_way(
    synapse: Synapse, authority: Authority, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """
    The bot syncs, answers about its health from memory, and ends with 0 before it would have to be killed, which it
    does itself after nine seconds, with another exit code.
    """
    async with stage(synapse, tmp_path / "stage", authority, localparts("stop")) as on, silence() as endpoint:
        listen = f"127.0.0.1:{reserved_port()}"
        config = on.database.parents[1] / "config.yaml"
        settings = json.loads(config.read_text())
        names = [f"n{number}.busy.example" for number in range(SERVERS)]
        settings["web"] = {"enabled": True, "listen": listen}
        settings["network"]["connect_to"] |= {f"{name}:443": endpoint for name in names}
        (room,) = on.rooms
        settings["plugins"]["foci"]["watch"]["servers"] += [{"server": name, "rooms": [room]} for name in names]
        config.write_text(json.dumps(settings))
        await on.begin()
        async with ClientSession() as session:

            async def busy() -> bool:
                async with session.get(f"http://{listen}/metrics") as response:
                    lines = (await response.text()).splitlines()
                shown = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
                return float(shown["foci_checks_under_way"]) > SERVERS / 3

            await until(busy, within=120)
            async with session.get(f"http://{listen}/healthz") as response:
                assert await response.text() == "ok\n"
        assert await on.life.terminate() == 0
    assert "Traceback" not in on.life.log()
