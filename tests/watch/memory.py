"""Prints the bytes that a watch holds between its checks: allocations counted, not the size of the process."""

from __future__ import annotations

import asyncio
import gc
import json
import tempfile
import tracemalloc
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from bench.replay.storage import opened
from botkit.matrix.send.notifier import OutboxNotifier
from botkit.outbound import HomeserverReader, OutboundClient, Payer, Purpose
from botkit.outbound.dns import Resolution
from botkit.outbound.endpoint import Endpoint
from botkit.outbound.model import Answered, Certificate, ConnectionFacts, Exchange, Phase, Response
from botkit.plugin import Account, Limits, Rooms
from lab.simulation import SimulatedClock, simulate
from plugins.foci.alerts.watches import Watch, WatchSettings
from plugins.foci.checker import Checker
from plugins.foci.model import MSC4143_KEY
from plugins.foci.report.build import CheckSettings
from plugins.foci.watch.watcher import Watcher

INTERVAL = 300.0
MISSING = b'{"errcode": "M_MISSING_TOKEN"}'
ANSWERS = {
    "/_matrix/client/versions": (200, b'{"versions": ["v1.12"], "unstable_features": {"org.matrix.msc4140": true}}'),
    "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports": (401, MISSING),
    "/_matrix/federation/v1/openid/userinfo": (401, MISSING),
    "/_matrix/federation/v1/version": (200, b'{"server": {"name": "Synapse", "version": "1.160.0"}}'),
    "/livekit/jwt/sfu/get": (400, b'{"errcode": "M_BAD_JSON", "error": "The request body is missing `room`"}'),
    "/livekit/jwt/get_token": (400, b'{"errcode": "M_BAD_JSON", "error": "The request body is missing `room_id`"}'),
    "/livekit/jwt/healthz": (200, b""),
}


class Strangers(OutboundClient):
    """
    Healthy servers with a base URL and a service of their own; every answer is a value that no other shares.

    Attributes:
        asked: requests.
    """

    def __init__(self, clock: SimulatedClock) -> None:
        # nothing of the real one is of use: it would open sockets
        self.asked = 0
        self._wall = clock

    def families_reached(self) -> frozenset[int]:
        return frozenset({4})

    async def resolve(self, host: str, port: int, *, deadline: float) -> Resolution:
        address = f"192.0.2.{sum(host.encode()) % 250}"
        return Resolution(host, port, (address,), (Endpoint(address, port),), None, 1.5)

    async def fetch(self, method: str, url: str, **_: Any) -> Exchange:
        self.asked += 1
        parts, at = urlsplit(url), datetime.fromtimestamp(self._wall.now(), UTC)
        host = parts.hostname or ""
        certificate = Certificate(f"CN={host}", "CN=ca", (host,), at - timedelta(1), datetime(2027, 2, 1, tzinfo=UTC))
        spent = 5.0 + self.asked / 1e6
        facts = ConnectionFacts(("192.0.2.1",), "192.0.2.1", Phase.HTTP, 1.0, 2.0, 3.0, spent, certificate, "TLSv1.3")
        names = {"server": "nginx", "date": at.isoformat(), "content-type": "application/json"}
        names |= {"access-control-allow-origin": "*", "x-request-id": str(self.asked)}
        if method == "OPTIONS":
            names["access-control-allow-headers"] = "Accept, Content-Type, Authorization"
        status, body = (204, b"") if method == "OPTIONS" else _answer(host, parts.path)
        headers = {name: (value,) for name, value in names.items()}
        return Answered(method, url, spent, facts, Response(status, headers, body))


def _answer(host: str, path: str) -> tuple[int, bytes]:
    name = host.partition(".")[2]
    document: dict[str, Any] | None = None
    if path == "/.well-known/matrix/client":
        foci = [{"type": "livekit", "livekit_service_url": f"https://rtc.{host}/livekit/jwt"}]
        document = {"m.homeserver": {"base_url": f"https://matrix.{host}"}, MSC4143_KEY: foci}
    elif path == "/.well-known/matrix/server":
        document = {"m.server": f"matrix.{host}:443"}
    found = ANSWERS.get(path, (404, b'{"errcode": "M_UNRECOGNIZED"}'))
    return found if document is None else (200, json.dumps(document).encode()) if name else (404, b"")


class _NoRooms:
    def joined(self) -> frozenset[str]:
        return frozenset()


async def held(path: Path, servers: int) -> int:
    """Bytes that are held more than before, after two rounds of checks of so many servers."""
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    database = await opened(f"sqlite:///{path / f'{servers}.db'}")
    clock = SimulatedClock()
    account, strangers = Account("@foci:watcher.invalid", cast(HomeserverReader, None)), Strangers(clock)
    watcher = Watcher(
        Checker(strangers, account, Limits(), CheckSettings(), lambda: datetime.fromtimestamp(clock.now(), UTC)),
        account,
        cast(Rooms, _NoRooms()),
        database,
        OutboxNotifier("foci", lambda: int(clock.now() * 1000), lambda: None),
        Limits(),
        WatchSettings(),
        [Watch("!ops:example.org", f"s{number}.example.org", "config", INTERVAL) for number in range(servers)],
        clock,
        lambda: 1.0,
        partial(Payer, Purpose.WATCH),
    )
    await watcher.start()
    await asyncio.sleep(2 * INTERVAL - 10)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    assert watcher.scheduler.status().checks == {"ok": 2 * servers}
    # the second round goes by what the first one learnt, so that all there is to remember is remembered
    assert strangers.asked < 20 * servers
    await watcher.stop()
    await database.close()
    return after - before


def main() -> None:
    """The difference between two numbers of watches, after what is there once is there."""
    tracemalloc.start()
    with tempfile.TemporaryDirectory() as folder:
        _, few, many = (simulate(held(Path(folder), servers)) for servers in (5, 20, 80))
    print((many - few) // 60)


if __name__ == "__main__":
    main()
