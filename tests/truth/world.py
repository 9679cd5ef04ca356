"""What a row of the truth table is built in: a federation, names, nginx and Synapse, all of them real but the SFU."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from botkit.outbound import HomeserverReader
from botkit.plugin import Account
from lab.authorisation import AuthorisationService
from lab.authority import Leaf
from lab.exchange import Handler
from lab.fault import Fault
from lab.federation import Federation
from lab.front import Mount, Site
from lab.loopback import BLOCK
from lab.nginx import Nginx
from lab.reverse_proxy import find_program
from lab.synapse import Synapse
from lab.wellknown import FOCI_KEY
from tests.foci.examination import Examination
from tests.outbound.standins import NameTable

NAME = "example.org"
BASE_URL = "https://matrix.example.org"
RTC_HOST = "rtc.example.org"
RTC = f"https://{RTC_HOST}/livekit/jwt"
ENTRY = {"type": "livekit", "livekit_service_url": RTC}
DOCUMENT = {"m.homeserver": {"base_url": BASE_URL}, FOCI_KEY: [ENTRY]}
BARE = {"m.homeserver": {"base_url": BASE_URL}}


@dataclass(frozen=True)
class _Token:
    value: str

    def get_secret_value(self) -> str:
        return self.value


class World:
    """
    Everything that a row may need; what it starts is ended by ``close``.

    Attributes:
        account: of the bot, None unless a row gives it one.
    """

    def __init__(self, directory: Path, federation: Federation, names: NameTable) -> None:
        self.federation = federation
        self.names = names
        self.account: Account | None = None
        self._directory = directory
        self._nginx: Nginx | None = None
        self._synapse: Synapse | None = None
        self._reader: HomeserverReader | None = None

    @property
    def examination(self) -> Examination:
        """Checks in this world."""
        assert self.names.transport is not None
        host, port = self.names.transport.get_extra_info("sockname")
        return Examination(self.federation, f"{host}:{port}")

    @property
    def nginx(self) -> Nginx:
        """A real nginx; where none is installed the test is skipped by name."""
        if find_program("nginx") is None:
            pytest.skip("nginx is not installed")
        if self._nginx is None:
            self._nginx = Nginx(self._directory / "nginx", self.federation)
        return self._nginx

    async def close(self) -> None:
        """End what was started."""
        if self._reader is not None:
            await self._reader.close()
        if self._nginx is not None:
            await self._nginx.stop()
        if self._synapse is not None:
            await self._synapse.stop()

    async def service(self, version: str = "0.6.0") -> str:
        """The authorisation service as it runs behind a proxy: plain HTTP, no prefix. Returns ``address:port``."""
        return await self.upstream("service.internal:8080", AuthorisationService(version).answer)

    async def upstream(self, authority: str, handler: Handler) -> str:
        """Anything that speaks plain HTTP behind a proxy. Returns ``address:port``."""
        site: Site = await self.federation.site(authority, fault=Fault.PLAIN_HTTP_ON_PORT)
        site.mount(Mount("", handler))
        return str(self.federation.connect_to[authority])

    async def synapse(self, **options: Any) -> Synapse:
        """A real Synapse that is the homeserver of NAME, its client well-known included."""
        authority = self.federation.authority
        config = {"public_baseurl": f"{BASE_URL}/", "serve_client_wellknown": True}
        directory = self._directory / "synapse"
        synapse = Synapse(
            directory, server_name=NAME, address=f"{BLOCK}.252", authority=authority, config=config, **options
        )
        self._synapse = synapse
        await synapse.start()
        for host in (NAME, "matrix.example.org"):
            self.federation.route(host, str(synapse.tls_url).removeprefix("https://"))
        return synapse

    async def log_in(self, synapse: Synapse) -> None:
        """Give the bot an account on a Synapse."""
        login = await synapse.register("foci", "wonderland")
        settings = self.examination.outbound()
        self._reader = HomeserverReader(synapse.base_url, _Token(login.access_token), settings)
        self.account = Account(login.user_id, self._reader)


Scene = Callable[[World], Awaitable[None]]


def well_known_at(nginx: Nginx, document: object, *, directives: str = "") -> str:
    """A location that serves a file at the client well-known's path, with CORS unless ``directives`` are given."""
    content = document if isinstance(document, str) else json.dumps(document)
    nginx.publish("client.json", content)
    header = directives or "add_header Access-Control-Allow-Origin * always;"
    return f"location = /.well-known/matrix/client {{ default_type application/json; {header} alias www/client.json; }}"


async def behind_nginx(
    world: World,
    servers: Mapping[str, str],
    *,
    document: Any = DOCUMENT,
    prelude: str = "",
    leaves: Mapping[str, Leaf] | None = None,
) -> None:
    """A server that publishes a document, and virtual hosts of nginx."""
    await world.federation.server(NAME, well_known=document)
    await world.nginx.start(servers, prelude=prelude, leaves=leaves)
