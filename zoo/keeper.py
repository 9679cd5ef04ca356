"""Puts each animal into a server that is healthy but for it, and has it checked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from lab import wellknown
from lab.exchange import Answer, Handler, Performance, Request
from lab.federation import Federation, Server
from lab.focus import Focus
from lab.front import Mount, Site
from lab.homeserver import UNSTABLE_TRANSPORTS
from zoo.animal import Animal, Habitat
from zoo.hosts import Host, OpenHost
from zoo.sighting import Limits, Sighting
from zoo.visitor import Visit, Visitor
from zoo.wire import Good

_VERSIONS = "/_matrix/client/versions"
_JWT = "/livekit/jwt"
_CROWD = "healthy"
_ANSWERS = {
    Habitat.FOCUS: Good(400, b'{"errcode": "M_BAD_JSON", "error": "The request body is bad"}'),
    Habitat.VERSIONS: Good(200, b'{"versions": ["v1.12"], "unstable_features": {"org.matrix.msc4140": true}}'),
    Habitat.TRANSPORTS: Good(401, b'{"errcode": "M_MISSING_TOKEN", "error": "Missing access token"}'),
}


class Keeper:
    """
    Houses animals and has them checked; an async context manager.

    Args:
        directory: for certificates and configurations.
        limits: of the checks.
        together: how many animals one run of ``check`` gets; of more than one, peak memory is that of all.
        at_once: how many runs there are at the same time.
    """

    def __init__(self, directory: Path, *, limits: Limits, together: int = 1, at_once: int = 4) -> None:
        self._directory = directory
        self._limits = limits
        self._together = together
        self._gate = asyncio.Semaphore(at_once)
        self._federation = Federation(directory)
        self._hosts: list[OpenHost] = []
        self._visitor = Visitor()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for host in self._hosts:
            await host.close()
        await self._federation.__aexit__()

    async def show(self, animals: Iterable[Animal]) -> list[Sighting]:
        """House all of them, then have all checked: first what is endless, as it mostly waits."""
        housed = list(animals)
        for animal in housed:
            await self._house(animal)
        endless = [animal for animal in housed if animal.endless]
        others = [animal for animal in housed if not animal.endless]
        batches = [*_batches(endless, self._together), *_batches(others, self._together)]
        runs = [self._visit(batch) for batch in batches]
        return [sighting for sightings in await asyncio.gather(*runs) for sighting in sightings]

    async def _house(self, animal: Animal) -> None:
        name = animal.server_name
        focus = await self._federation.focus(f"https://rtc.{name}{_JWT}", crowd=_CROWD)
        server = await self._federation.server(name, foci=[focus.url], crowd=_CROWD)
        site, path, good = self._place(animal, server, focus)
        if isinstance(animal.behaviour, Host):
            host = await animal.behaviour.open(self._federation.authority, site.host, good)
            self._hosts.append(host)
            self._federation.route(site.authority, host.endpoint)
            return
        handler = _handler(animal.behaviour(good))
        if animal.habitat is Habitat.FOCUS:
            site.mount(Mount(path, _but_for_preflights(handler, focus.service.answer)))
        else:
            site.mount(Mount(path, _but_for_preflights(handler, _allowed), exact=True))

    def _place(self, animal: Animal, server: Server, focus: Focus) -> tuple[Site, str, Good]:
        """The site and path that the animal takes over, and what is answered there otherwise."""
        if animal.habitat is Habitat.WELL_KNOWN:
            return server.site, wellknown.PATH, Good(200, json.dumps(server.well_known.document).encode())
        good = _ANSWERS[animal.habitat]
        if animal.habitat is Habitat.FOCUS:
            return focus.site, _JWT, good
        homeserver = self._federation.sites[f"matrix.{animal.server_name}:443"]
        return homeserver, _VERSIONS if animal.habitat is Habitat.VERSIONS else UNSTABLE_TRANSPORTS, good

    async def _visit(self, animals: Sequence[Animal]) -> list[Sighting]:
        names = [animal.server_name for animal in animals]
        async with self._gate:
            config = self._configure(names)
            patience = 5 * self._limits.deadline
            visit = await asyncio.to_thread(self._visitor.check, config, names, patience=patience)
        reports = _reports(visit)
        return [_sighting(animal, self._limits, visit, reports, alone=len(animals) == 1) for animal in animals]

    def _configure(self, names: Sequence[str]) -> Path:
        network = self._federation.network()
        hosts = [f"{prefix}{name}:443" for name in names for prefix in ("", "rtc.", "matrix.")]
        network["connect_to"] = {host: network["connect_to"][host] for host in hosts}
        # Nothing may be asked of the machine's own name server: nobody listens at this one.
        network["nameservers"] = ["127.0.0.1:9"]
        network |= {"timeout": f"{self._limits.timeout:g}s", "deadline": f"{self._limits.deadline:g}s"}
        path = self._directory / f"{names[0]}.yaml"
        path.write_text(json.dumps({"network": network}))
        return path


def _batches(animals: Sequence[Animal], size: int) -> list[Sequence[Animal]]:
    return [animals[start : start + size] for start in range(0, len(animals), size)]


def _reports(visit: Visit) -> dict[str, dict[str, Any]]:
    try:
        parsed = json.loads(visit.output, parse_constant=_refuse)
    except ValueError:
        return {}
    return {report["server_name"]: report for report in (parsed if isinstance(parsed, list) else [parsed])}


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _sighting(
    animal: Animal, limits: Limits, visit: Visit, reports: dict[str, dict[str, Any]], *, alone: bool
) -> Sighting:
    report = reports.get(animal.server_name, {})
    seconds = visit.seconds if alone or not report else report["elapsed_ms"] / 1000
    return Sighting(animal, limits, report, seconds, visit.megabytes, visit.errors, visit.stall)


def _handler(answer: Answer | Performance | Handler) -> Handler:
    if not isinstance(answer, Answer | Performance):
        return answer

    async def always(_: Request) -> Answer | Performance:
        return answer

    return always


def _but_for_preflights(handler: Handler, healthy: Handler) -> Handler:
    """Preflights get a healthy answer, so that only what is looked at is wrong."""

    async def answer(request: Request) -> Answer | Performance:
        return await (healthy if request.method == "OPTIONS" else handler)(request)

    return answer


async def _allowed(_: Request) -> Answer:
    """What a homeserver answers to a preflight."""
    return Answer(204, b"", (("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Headers", "Authorization")))
