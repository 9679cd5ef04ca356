"""Servers at the far end of the delay line: real TLS, a virtual host for every name, both address families."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from bench.delay_line import FAR, NEAR, NETWORKS
from lab.authority import Authority
from lab.exchange import Answer, Request, json_answer
from lab.focus import Focus, Slashes
from lab.front import Front, Mount, Site
from lab.homeserver import Homeserver
from lab.wellknown import WellKnown, document

SERVER = "example.org"
_PORT = 443
_FOCI = 2


class FarSide:
    """
    Healthy servers, each with a base URL and two foci on hosts of their own; an async context manager.

    They listen at the near addresses of the delay line, which must be there, and are reached at the far ones.

    Attributes:
        authority: signs the certificates.
        servers: their names.
    """

    def __init__(self, directory: Path, servers: int = 1) -> None:
        """Keep certificates in ``directory``; ``example.org`` comes first, then ``s1.example.org`` and so on."""
        self.authority = Authority(directory / "authority")
        self.servers = [SERVER, *(f"s{number}.{SERVER}" for number in range(1, servers))]
        self._sites: dict[str, Site] = {}
        for name in self.servers:
            self._settle(name)
        self._fronts = [Front(self.authority, address, _PORT) for address in NEAR]
        for front in self._fronts:
            front.sites.update(self._sites)

    async def __aenter__(self) -> Self:
        for front in self._fronts:
            await front.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        for front in self._fronts:
            await front.close()

    @property
    def hosts(self) -> Sequence[str]:
        """Every name that is served."""
        return [site.host for site in self._sites.values()]

    def network(self) -> dict[str, Any]:
        """The ``network`` section of a configuration for the near side; the foci have IPv4 and IPv6."""
        far = [f"{FAR[0]}:{_PORT}", f"[{FAR[1]}]:{_PORT}"]
        return {
            "connect_to": {name: far if name.startswith("rtc") else far[:1] for name in self._sites},
            "ca_file": str(self.authority.ca_file),
            "allow_private": list(NETWORKS),
        }

    def _settle(self, name: str) -> None:
        base_host = f"matrix.{name}"
        urls = [f"https://rtc{number}.{name}/livekit/jwt" for number in range(1, _FOCI + 1)]
        for number, url in enumerate(urls, 1):
            site = self._site(f"rtc{number}.{name}")
            Focus(url, site, version="0.6.0", slashes=Slashes.REDIRECTED, shares_host_with_sfu=False)
        Homeserver(self._site(base_host))
        site = self._site(name)
        entries = [{"type": "livekit", "livekit_service_url": url} for url in urls]
        WellKnown(site, document(f"https://{base_host}", entries))

        async def delegation(_: Request) -> Answer:
            return json_answer(200, {"m.server": f"{base_host}:{_PORT}"})

        site.mount(Mount("/.well-known/matrix/server", delegation, exact=True))

    def _site(self, host: str) -> Site:
        authority = f"{host}:{_PORT}"
        return self._sites.setdefault(authority, Site(authority))
