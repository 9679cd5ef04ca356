"""A bare aiohttp client that lives in a federation."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from lab.federation import Federation


def has_ipv6() -> bool:
    """Whether ::1 can be listened on here."""
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


@dataclass(frozen=True)
class Seen:
    """An answer as a plain client sees it; header values in the order they came."""

    status: int
    headers: Mapping[str, list[str]]
    body: bytes

    def header(self, name: str) -> list[str]:
        return self.headers.get(name.lower(), [])


class Client:
    """Makes one request on a new connection; follows no redirects, trusts the federation's authority alone."""

    def __init__(self, federation: Federation) -> None:
        self._federation = federation

    async def __call__(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout: float = 20.0,
        limit: int | None = None,
        family: socket.AddressFamily = socket.AF_INET,
    ) -> Seen:
        """Read at most ``limit`` bytes of the body, all of it if not given."""
        async with (
            self.session(timeout, family) as session,
            session.request(method, url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            content = bytearray()
            async for chunk in response.content.iter_any():
                content += chunk
                if limit is not None and len(content) >= limit:
                    break
            every: dict[str, list[str]] = {}
            for name, value in response.headers.items():
                every.setdefault(name.lower(), []).append(value)
            return Seen(response.status, every, bytes(content))

    def session(self, timeout: float = 20.0, family: socket.AddressFamily = socket.AF_INET) -> aiohttp.ClientSession:
        """A session in which every request has a connection of its own."""
        connector = aiohttp.TCPConnector(
            resolver=_ConnectTo(self._federation, family),
            ssl=self._federation.authority.client_context(),
            force_close=True,
        )
        limits = aiohttp.ClientTimeout(total=timeout, ceil_threshold=1000)
        return aiohttp.ClientSession(connector=connector, timeout=limits)


class _ConnectTo(AbstractResolver):
    """Finds hosts where a federation serves them, over one address family."""

    def __init__(self, federation: Federation, family: socket.AddressFamily) -> None:
        self._federation = federation
        self._family = family

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        where = self._federation.connect_to[f"{host}:{port}"]
        for endpoint in [where] if isinstance(where, str) else where:
            address, _, served = endpoint.rpartition(":")
            served_family = socket.AF_INET6 if address.startswith("[") else socket.AF_INET
            if served_family is self._family:
                flags = socket.AI_NUMERICHOST
                return [
                    ResolveResult(
                        hostname=host,
                        host=address.strip("[]"),
                        port=int(served),
                        family=served_family,
                        proto=socket.IPPROTO_TCP,
                        flags=flags,
                    )
                ]
        raise OSError(f"{host} has no such address")

    async def close(self) -> None:
        """Nothing is held."""
