"""A reverse proxy before one server: requests go on as they came, WebSockets included, answers come back untouched."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import urlsplit

from lab.exchange import Answer, Performance, Request, nginx_page

_HOP_BY_HOP = frozenset({"connection", "upgrade", "keep-alive", "te", "trailer", "proxy-connection"})
_log = logging.getLogger(__name__)


class Tunnel:
    """
    Passes every request on to one server, each on a connection of its own.

    Attributes:
        forwards_upgrades: whether WebSockets get through; without, the server sees an ordinary request,
            as behind an nginx whose configuration lacks the Upgrade header.
    """

    def __init__(self, base_url: str) -> None:
        """Lead to the server at ``http://host:port``."""
        parts = urlsplit(base_url)
        self._host = parts.hostname or ""
        self._port = parts.port or 80
        self.forwards_upgrades = True

    async def answer(self, request: Request) -> Answer | Performance:
        """A performance that relays the connection, or nginx's 502 where the server does not listen."""
        try:
            server = await asyncio.open_connection(self._host, self._port)
        except OSError:
            return nginx_page(502)

        async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _relay(self._head(request) + request.body, (reader, writer), server)

        return Performance(play)

    def _head(self, request: Request) -> bytes:
        """The request as the server sees it: it closes the connection after its answer, unless that is an upgrade."""
        target = (request.path or "/") + (f"?{request.query}" if request.query else "")
        lines = [f"{request.method} {target} HTTP/1.1"]
        upgrade = request.headers.get("upgrade")
        if upgrade and self.forwards_upgrades:
            lines += [f"Upgrade: {upgrade}", "Connection: upgrade"]
        else:
            lines.append("Connection: close")
        lines += [f"{name}: {value}" for name, value in request.headers.items() if name not in _HOP_BY_HOP]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _relay(first: bytes, client: _Stream, server: _Stream) -> None:
    """Send the first bytes to the server, then carry both ways until the server, or the client, is done."""
    try:
        server[1].write(first)
        upwards = asyncio.ensure_future(_carry(client[0], server[1]))
        downwards = asyncio.ensure_future(_carry(server[0], client[1]))
        try:
            await asyncio.wait((upwards, downwards), return_when=asyncio.FIRST_COMPLETED)
        finally:
            upwards.cancel()
            downwards.cancel()
            await asyncio.gather(upwards, downwards, return_exceptions=True)
    finally:
        server[1].close()


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    except OSError as error:
        _log.debug("a connection ended: %s", error)
