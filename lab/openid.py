"""Who an OpenID token belongs to: asked of the user's homeserver, as lk-jwt-service asks it."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

if TYPE_CHECKING:
    from lab.federation import Federation

USERINFO = "/_matrix/federation/v1/openid/userinfo"
FEDERATION_PORT = 8448
_PATIENCE = aiohttp.ClientTimeout(total=10)


class LookupFailedError(Exception):
    """Nobody could be found to vouch for the token; the text says where it failed, never the token."""


class OpenIdLookup:
    """
    The federation's ``openid/userinfo``, found by server discovery (server-server API, "Resolving server names").

    It lives in one federation: hosts are where that serves them, certificates those of its authority. Names are not
    looked up in the DNS, so there are no SRV records; the steps are the port in the name, the server well-known, then
    port 8448.
    """

    def __init__(self, federation: Federation) -> None:
        """Nothing is asked yet; what the federation serves later counts too."""
        self._federation = federation

    async def user_of(self, access_token: str, server_name: str) -> str:
        """
        The Matrix id of the token's owner.

        Raises:
            LookupFailedError: the homeserver cannot be reached, does not know the token, or vouches for a stranger.
        """
        connector = aiohttp.TCPConnector(
            resolver=_InFederation(self._federation), ssl=self._federation.authority.client_context(), force_close=True
        )
        async with aiohttp.ClientSession(connector=connector, timeout=_PATIENCE) as session:
            host = await self._discover(session, server_name)
            status, body = await _get(session, f"https://{host}{USERINFO}", {"access_token": access_token})
        user = body.get("sub") if isinstance(body, dict) else None
        if status != 200 or not isinstance(user, str):
            raise LookupFailedError(f"{host} answers {status} to {USERINFO}")
        if user.partition(":")[2] != server_name:
            raise LookupFailedError(f"{host} vouches for somebody who is not of {server_name}")
        return user

    async def _discover(self, session: aiohttp.ClientSession, server_name: str) -> str:
        """``host[:port]`` where the server's federation API is."""
        if _has_port(server_name):
            return server_name
        try:
            status, body = await _get(session, f"https://{server_name}/.well-known/matrix/server", {})
        except LookupFailedError:
            status, body = 0, None
        delegate = body.get("m.server") if status == 200 and isinstance(body, dict) else None
        host = delegate if isinstance(delegate, str) and delegate else server_name
        return host if _has_port(host) else f"{host}:{FEDERATION_PORT}"


async def _get(session: aiohttp.ClientSession, url: str, query: dict[str, str]) -> tuple[int, Any]:
    """Status and decoded body (None if it is not JSON)."""
    try:
        async with session.get(url, params=query) as response:
            content = await response.read()
            status = response.status
    except (aiohttp.ClientError, TimeoutError) as error:
        raise LookupFailedError(f"{url}: {type(error).__name__}") from None
    try:
        return status, json.loads(content)
    except ValueError:
        return status, None


def _has_port(name: str) -> bool:
    return ":" in name.rpartition("]")[2]


class _InFederation(AbstractResolver):
    """Finds hosts where a federation serves them."""

    def __init__(self, federation: Federation) -> None:
        self._federation = federation

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        served = self._federation.connect_to.get(f"{host}:{port}")
        if served is None:
            raise OSError(f"nothing is served at {host}:{port}")
        address, _, real_port = (served if isinstance(served, str) else served[0]).rpartition(":")
        return [
            ResolveResult(
                hostname=host,
                host=address.strip("[]"),
                port=int(real_port),
                family=socket.AF_INET6 if ":" in address.strip("[]") else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """Nothing is held."""
