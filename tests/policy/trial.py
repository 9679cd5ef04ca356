"""One ground, its public servers and its listeners, and every way walked on it by the real bot."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botkit.outbound import Failure, OutboundClient, OutboundSettings
from botkit.plugin import Limits
from lab.authority import Authority
from plugins.foci.checker import Checker
from plugins.foci.discovery.target import TargetError, parse_target
from plugins.foci.report.build import CheckSettings
from tests.policy.internet import Internet, Names
from tests.policy.plot import Ground, Plot
from tests.policy.way import Door, Way
from tests.policy.witness import WALKED, AuditHook, Counters, Listeners, listening_address, read_counters

ROOT = Path(__file__).resolve().parents[2]
EVERYTHING = ("0.0.0.0/0", "::/0")
FURTHER = (("10.0.0.1", 2375), ("10.0.0.1", 9000), ("192.168.1.1", 80))
_LIMITS = Limits(timeout=20.0, deadline=60.0)
_PARALLEL = 6
_SETTLING = 10.0


@dataclass(frozen=True, slots=True)
class Step:
    """
    What became of one way.

    Attributes:
        attempts: addresses other than the public servers' that were connected to.
        visited: whether every host that the strangers set up was talked to.
    """

    attempts: tuple[str, ...]
    visited: bool


@dataclass(frozen=True, slots=True)
class Walk:
    """
    All ways, walked under one policy.

    Attributes:
        steps: by the way's name.
        arrived: connections that forbidden listeners saw, by "address port".
        listeners: how many there were.
        greeted: connections that the public servers saw.
        asked: questions that the name server saw.
        counted: the kernel's view of the same time.
    """

    steps: Mapping[str, Step]
    arrived: Mapping[str, int]
    listeners: int
    greeted: int
    asked: int
    counted: Counters


class Trial:
    """Walks ways on a ground; certificates and configurations lie in a directory."""

    def __init__(self, ground: Ground, ways: Sequence[Way], directory: Path, hook: AuditHook) -> None:
        self._ground = ground
        self._ways = ways
        self._directory = directory
        self._hook = hook
        self._authority = Authority(directory / "authority")
        self._plots = {way.name: Plot(f"w{number}", ground) for number, way in enumerate(ways)}

    async def walk(self, *, shipped: bool) -> Walk:
        """
        Walk every way.

        Without the policy as shipped every address is in ``network.allow_private``, and listeners that no way
        leads to are visited at the end, to prove that they would have seen a connection.
        """
        async with self._internet() as (internet, names, nameserver), self._listeners() as listeners:
            self._hook.attempts.clear()
            network = self._network(nameserver, () if shipped else EVERYTHING)
            before = read_counters()
            await self._walk_all(network)
            await self._settle(listeners)
            counted = read_counters().since(before)
            if not shipped:
                await self._visit(listeners, network)
            steps = {way.name: self._step(way, internet) for way in self._ways}
            arrived = {f"{address} {port}": count for (address, port), count in sorted(listeners.seen.items())}
            return Walk(steps, arrived, len(listeners.places), internet.greeted.total(), names.asked, counted)

    @asynccontextmanager
    async def _internet(self) -> AsyncIterator[tuple[Internet, Names, str]]:
        """The public servers with what the strangers set up; the last value is the name server's address."""
        internet = Internet(self._authority, f"http://127.0.0.1:{self._ground.port}/", self._directory)
        loop = asyncio.get_running_loop()
        transport, names = await loop.create_datagram_endpoint(
            lambda: Names(self._ground.internet), local_addr=("127.0.0.1", 0)
        )
        for way in self._ways:
            plot = self._plots[way.name]
            way.entrance(plot, plot.fill(way.lead))
            internet.sites.update(plot.sites)
            internet.crafted |= {plot.host} if way.lead == "crafted" else set()
            names.zone |= {
                plot.fill(name).lower(): tuple(plot.fill(answer) for answer in answers)
                for name, answers in way.records.items()
            }
        await internet.open(self._ground.internet, self._ground.public_port, self._ground.port, *self._ground.further)
        host, port = transport.get_extra_info("sockname")
        try:
            yield internet, names, f"{host}:{port}"
        finally:
            transport.close()
            await internet.close()

    @asynccontextmanager
    async def _listeners(self) -> AsyncIterator[Listeners]:
        aims = {listening_address(way.aim) for way in self._ways if way.can_listen}
        further = [place for place in FURTHER if place[0] in aims]
        listeners = Listeners()
        try:
            await listeners.open(aims, (self._ground.port, self._ground.public_port), *further)
            yield listeners
        finally:
            await listeners.close()

    def _network(self, nameserver: str, allow: tuple[str, ...]) -> dict[str, Any]:
        """The ``network`` section of the configuration."""
        endpoint = f"{self._ground.internet}:{self._ground.public_port}"
        hosts = [plot.host for plot in self._plots.values()] if self._ground.routed else []
        return {
            "nameservers": [nameserver],
            "ca_file": str(self._authority.ca_file),
            "allow_private": [*self._ground.allow, *allow],
            "connect_to": {f"{host}:443": [endpoint] for host in hosts},
        }

    async def _visit(self, listeners: Listeners, network: dict[str, Any]) -> None:
        """Connect, as the bot does, to every listener that has seen nothing yet."""
        loop = asyncio.get_running_loop()
        async with OutboundClient(_settings(network)) as outbound:
            for address, port in listeners.places - set(listeners.seen):
                host = f"[{address}]" if ":" in address else address
                await outbound.fetch("GET", f"https://{host}:{port}/", deadline=loop.time() + _SETTLING)
        await listeners.until(lambda: len(listeners.seen) == len(listeners.places), _SETTLING)

    async def _walk_all(self, network: dict[str, Any]) -> None:
        gate = asyncio.Semaphore(_PARALLEL)
        config = self._directory / "config.yaml"
        config.write_text(json.dumps({"network": network}))
        async with OutboundClient(_settings(network)) as outbound:
            checker = Checker(outbound, None, _LIMITS, CheckSettings(), lambda: datetime.now(UTC))

            async def walk(way: Way) -> None:
                async with gate:
                    WALKED.set(way.name)
                    plot = self._plots[way.name]
                    target = plot.fill(way.target)
                    if way.environment:
                        variables = {name: plot.fill(value) for name, value in way.environment.items()}
                        await _bot_check(target, config, variables)
                    elif way.door is Door.CHECK:
                        await _check(checker, target)
                    else:
                        await _open(outbound, way.door, plot.fill(way.lead))

            await asyncio.gather(*(asyncio.create_task(walk(way)) for way in self._ways))

    async def _settle(self, listeners: Listeners) -> None:
        """Until the listeners have seen whatever was sent to them: the hook knows of it first."""
        await asyncio.sleep(0.1)
        listening = {address for address, _ in listeners.places}
        wanted = {listening_address(to) for tos in self._hook.attempts.values() for to in tos} & listening
        await listeners.until(lambda: wanted <= {address for address, _ in listeners.seen}, _SETTLING)

    def _step(self, way: Way, internet: Internet) -> Step:
        hosts = self._plots[way.name].sites
        public = self._ground.public
        attempts = tuple(sorted({to for to in self._hook.attempts[way.name] if to not in public}))
        return Step(attempts, all(internet.greeted[host] for host in hosts))


async def _check(checker: Checker, text: str) -> None:
    try:
        target = parse_target(text)
    except TargetError:
        return
    await checker.check(target)


async def _open(outbound: OutboundClient, door: Door, url: str) -> None:
    """What follows a token: a WebSocket to the SFU, a bare connection to where it sends media."""
    deadline = asyncio.get_running_loop().time() + _LIMITS.timeout
    if door is Door.WEBSOCKET:
        await outbound.greet(url, headers={}, farewell=b"", deadline=deadline)
        return
    stream = await outbound.open(url, deadline=deadline)
    if not isinstance(stream, Failure):
        stream.close()


def _settings(network: dict[str, Any]) -> OutboundSettings:
    return OutboundSettings(
        timeout=_LIMITS.timeout,
        nameservers=tuple(network["nameservers"]),
        ca_file=Path(network["ca_file"]),
        allow_private=tuple(network["allow_private"]),
        connect_to={name: tuple(where) for name, where in network["connect_to"].items()},
    )


async def _bot_check(target: str, config: Path, variables: Mapping[str, str]) -> None:
    """``bot.py check`` with these variables in its environment; it must come to a verdict."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(ROOT / "bot.py"), "check", "--json", "--config", str(config), target),
        env={**os.environ, **variables},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    json.loads(output)
