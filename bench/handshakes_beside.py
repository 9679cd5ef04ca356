"""Run by ``bench.handshakes``: times checks in one process, alone and beside hostile handshakes, and prints JSON."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.handshakes import HOSTILE, PARTIES
from botkit.outbound import Failed, OutboundClient, OutboundSettings, Phase, one_party
from botkit.plugin import Limits
from plugins.foci.checker import Checker
from plugins.foci.discovery.target import parse_target
from plugins.foci.report.build import CheckSettings

_LIMITS = Limits()


async def main(network: str, runs: int, server: str, hostile: str) -> None:
    """Check ``server`` so many times, and as often while ``hostile`` is asked."""
    given = json.loads(network)
    settings = OutboundSettings(
        connect_to={name: tuple(places) for name, places in given["connect_to"].items()},
        ca_file=Path(given["ca_file"]),
        allow_private=tuple(given["allow_private"]),
    )
    alone, beside, refused = [], [], 0
    async with OutboundClient(settings) as outbound:
        checker = Checker(outbound, None, _LIMITS, CheckSettings(), lambda: datetime.now(UTC))
        for number in range(runs + 1):
            idle = await _timed(checker, server)
            asked = [asyncio.create_task(_ask(outbound, hostile)) for _ in range(PARTIES)]
            busy = await _timed(checker, server)
            refused += sum(await asyncio.gather(*asked))
            if number:
                alone.append(idle)
                beside.append(busy)
    print(json.dumps({"alone": alone, "beside": beside, "refused": refused}))


async def _timed(checker: Checker, server: str) -> float:
    started = time.monotonic()
    result = await checker.check(parse_target(server))
    assert result.report.verdict.value == "ok", result.report
    return time.monotonic() - started


async def _ask(outbound: OutboundClient, url: str) -> int:
    """One room's share of the hostile ones: how many failed in TLS, as they all should."""
    deadline = asyncio.get_running_loop().time() + 100
    with one_party():
        exchanges = await asyncio.gather(
            *(outbound.fetch("GET", url, deadline=deadline) for _ in range(HOSTILE // PARTIES))
        )
    return sum(isinstance(one, Failed) and one.failure.phase is Phase.TLS for one in exchanges)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:5]))
