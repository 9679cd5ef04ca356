"""Where deep tests take place: a homeserver, its focus with a real SFU, and the bot's account there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from botkit.outbound import HomeserverReader, OutboundClient, OutboundSettings
from botkit.plugin import Account, Limits
from lab.backend import Backend
from lab.exchange import Request
from lab.federation import Federation
from lab.loopback import BLOCK
from lab.synapse import Login, Synapse
from plugins.foci.checker import Checker
from plugins.foci.discovery.target import parse_target
from plugins.foci.model import Report
from plugins.foci.report.build import CheckSettings

NAME = "example.org"
SERVICE = f"https://rtc.{NAME}/livekit/jwt"
SYNAPSE_ADDRESS = f"{BLOCK}.253"
PATIENT = Limits(timeout=20.0, deadline=60.0)


@dataclass
class World:
    """
    All the parts.

    Attributes:
        bot: the bot's account on the homeserver.
        directory: for whatever a test writes.
    """

    federation: Federation
    synapse: Synapse
    backend: Backend
    bot: Login
    directory: Path = field(repr=False)

    @asynccontextmanager
    async def checker(self, settings: CheckSettings | None = None) -> AsyncIterator[Checker]:
        """A checker with the bot's account."""
        outbound_settings = self.outbound()
        async with (
            OutboundClient(outbound_settings) as outbound,
            HomeserverReader(self.synapse.base_url, SecretStr(self.bot.access_token), outbound_settings) as reader,
        ):
            account = Account(self.bot.user_id, reader)
            settings = settings or CheckSettings()
            settings = replace(settings, probe=replace(settings.probe, patience=PATIENT.timeout))
            yield Checker(outbound, account, PATIENT, settings, lambda: datetime.now(UTC))

    async def check(self, target: str = NAME, *, deep: bool = True, trusted: frozenset[str] | None = None) -> Report:
        """The report on a target."""
        async with self.checker(CheckSettings(trusted=trusted)) as checker:
            return (await checker.check(parse_target(target), deep=deep)).report

    def outbound(self) -> OutboundSettings:
        """The federation's network; names that it does not serve are asked of nobody."""
        network = self.federation.network()
        return OutboundSettings(
            timeout=PATIENT.timeout,
            nameservers=("127.0.0.1:9",),
            connect_to={
                name: (where,) if isinstance(where, str) else tuple(where)
                for name, where in network["connect_to"].items()
            },
            ca_file=Path(network["ca_file"]),
            allow_private=tuple(network["allow_private"]),
        )

    def config(self, **sections: Any) -> dict[str, Any]:
        """A configuration with the account, in the federation."""
        network = {**self.federation.network(), "nameservers": ["127.0.0.1:9"], "deadline": "60s", "timeout": "20s"}
        matrix = {
            "homeserver_url": self.synapse.base_url,
            "user_id": self.bot.user_id,
            "access_token": self.bot.access_token,
        }
        return {"network": network, "matrix": matrix, **sections}

    def write_config(self, directory: Path, **sections: Any) -> Path:
        """The configuration as a file (JSON, which YAML reads)."""
        path = directory / "config.yaml"
        path.write_text(json.dumps(self.config(**sections)))
        return path

    def forget(self) -> None:
        """Forget every request that was made."""
        for site in self.federation.sites.values():
            site.requests.clear()

    def requests(self, wanted: Callable[[Request], bool] = lambda _: True) -> list[Request]:
        """The requests that reached the proxies, of all hosts."""
        return [request for site in self.federation.sites.values() for request in site.requests if wanted(request)]


def shown_token(request: Request) -> str:
    """The OpenID token that a service was shown; empty in a probe without one."""
    values = json.loads(request.body) if request.method == "POST" and request.body else {}
    token: str = values.get("openid_token", {}).get("access_token", "")
    return token
