"""A stand-in for a misbehaving homeserver: a reverse proxy before the real one, with faults on demand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self

import aiohttp
from aiohttp import web

Fault = Callable[[web.Request], Awaitable[web.StreamResponse | None] | web.StreamResponse | None]


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that arrived, with the loop time of its arrival."""

    method: str
    path: str
    at: float


@dataclass(slots=True)
class Proxy:
    """
    Forwards everything to ``upstream``; ``before`` may answer in its place, ``after`` may lose the answer.

    Attributes:
        before: called with the request; a response replaces the homeserver's.
        after: called with the request once the homeserver has answered; True drops the connection.
        witness: called with every answer of the homeserver before that: the request, status and body.
    """

    upstream: str
    before: Fault | None = None
    after: Callable[[web.Request], bool] | None = None
    witness: Callable[[web.Request, int, bytes], None] | None = None
    seen: list[Seen] = field(default_factory=list)
    base_url: str = ""
    _runner: web.AppRunner | None = None
    _session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        assert self._session is not None
        await self._session.close()
        await self._runner.cleanup()

    def count(self, part: str) -> int:
        """How many requests had this in their path."""
        return sum(part in seen.path for seen in self.seen)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        now = asyncio.get_running_loop().time()
        self.seen.append(Seen(request.method, request.rel_url.raw_path, now))
        if self.before is not None:
            answer = self.before(request)
            if isinstance(answer, Awaitable):
                answer = await answer
            if answer is not None:
                return answer
        assert self._session is not None
        headers = {k: v for k, v in request.headers.items() if k.lower() not in ("host", "content-length")}
        url = self.upstream + str(request.rel_url)
        try:
            sent = await request.read()
        except ConnectionError:
            # whoever asked is gone; nobody reads this
            return web.Response()
        try:
            async with self._session.request(request.method, url, headers=headers, data=sent or None) as response:
                body = await response.read()
        except aiohttp.ClientError:
            return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
        if self.witness is not None:
            self.witness(request, response.status, body)
        if self.after is not None and self.after(request) and request.transport is not None:
            request.transport.abort()
        return web.Response(status=response.status, body=body, content_type="application/json")


def bad_gateway(_: web.Request) -> web.Response:
    """What a web server says whose homeserver is gone."""
    return web.Response(status=502, text="<html>502 Bad Gateway</html>", content_type="text/html")
