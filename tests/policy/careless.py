"""What the same ways do to a program without any care: the host is given to the C library, proxies are obeyed."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

from tests.policy.plot import Ground, Plot
from tests.policy.way import Stop, Way
from tests.policy.witness import Listeners

_FETCH = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)"


async def reached(ground: Ground, ways: Sequence[Way]) -> tuple[str, ...]:
    """Of the ways that the bot stops before its address policy: those that lead to a listener here."""
    listeners, found = Listeners(), []
    here = {"127.0.0.1", "::1"} & {way.aim for way in ways}
    await listeners.open(here, (ground.port,))
    try:
        for number, way in enumerate(ways):
            plot = Plot(f"w{number}", ground)
            if (way.environment and await _obeys_proxy(plot, way, listeners)) or (
                way.stop is Stop.READING and await asyncio.to_thread(_connects, plot.fill(way.lead))
            ):
                found.append(way.name)
    finally:
        await listeners.close()
    return tuple(found)


def _connects(url: str) -> bool:
    """Whether the C library makes an address of the host at which a listener waits."""
    try:
        parts = urlsplit(url)
        if not parts.hostname or parts.port is None:
            return False
        socket.create_connection((parts.hostname, parts.port), timeout=2).close()
    except (OSError, ValueError):
        return False
    return True


async def _obeys_proxy(plot: Plot, way: Way, listeners: Listeners) -> bool:
    """Whether Python's own client asks the proxy of the environment."""
    before = listeners.seen.total()
    variables = {name: plot.fill(value) for name, value in way.environment.items()}
    scheme = next(iter(variables)).partition("_")[0].lower()
    if scheme not in ("http", "https"):
        return False
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _FETCH, f"{scheme}://{plot.host}/"),
        env={**os.environ, **variables},
        stderr=asyncio.subprocess.DEVNULL,
    )
    await process.wait()
    return await listeners.until(lambda: listeners.seen.total() > before, 2.0)
