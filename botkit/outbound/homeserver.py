"""Asking the bot's own homeserver, with its token."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from botkit.outbound.client import utc_now
from botkit.outbound.dial import Dialler
from botkit.outbound.dns import Resolver
from botkit.outbound.fetcher import Fetcher, Request
from botkit.outbound.model import Exchange
from botkit.outbound.settings import OutboundSettings


class Secret(Protocol):
    """A value that does not print itself, such as pydantic's SecretStr."""

    def get_secret_value(self) -> str:
        """The value."""


class HomeserverReader:
    """
    Asks at one base URL, and nowhere else, with a bearer token in the Authorization header.

    The administrator chose this address, so the address policy does not hold here; ``ca_file``, the
    bounds and the refusal to follow redirects do. ``connect_to`` and ``nameservers`` are for
    strangers and play no part.

    Args:
        base_url: of the homeserver, such as https://matrix.example.org.
        token: the bot's access token.

    Raises:
        ValueError: the settings' ``ca_file`` cannot be used; the text names it.
    """

    def __init__(
        self, base_url: str, token: Secret, settings: OutboundSettings, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._timeout = settings.timeout
        resolver = Resolver(nameservers=(), routes={}, policy=None, timeout=settings.timeout, search=True)
        self._fetcher = Fetcher(settings, resolver=resolver, dialler=Dialler(None, lambda family: None), now=now)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End every connection."""
        await self._fetcher.close()

    async def get(self, path: str, *, deadline: float) -> Exchange:
        """
        GET ``path`` (with its query) below the base URL. A redirect is returned, never followed.

        Args:
            path: starts with one slash.
            deadline: loop time after which the phase that was reached is reported as timed out.

        Raises:
            ValueError: ``path`` does not start with a slash, and could name another host.
        """
        return await self._send("GET", path, None, deadline)

    async def post(self, path: str, body: bytes, *, deadline: float) -> Exchange:
        """POST JSON to ``path`` below the base URL; all else as for ``get``."""
        return await self._send("POST", path, body, deadline)

    async def _send(self, method: str, path: str, body: bytes | None, deadline: float) -> Exchange:
        if not path.startswith("/"):
            raise ValueError("the path must start with a slash")
        loop = asyncio.get_running_loop()
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = Request(method, self._base_url + path, headers, body)
        return await self._fetcher.fetch(request, deadline=min(loop.time() + self._timeout, deadline))
