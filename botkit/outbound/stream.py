"""A byte stream to another server, opened under the address policy, for protocols other than HTTP requests."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import aiohappyeyeballs

from botkit.outbound.attempt import CURRENT, Attempt
from botkit.outbound.dial import Dialler
from botkit.outbound.endpoint import Endpoint, shortlist
from botkit.outbound.url import Url

_HAPPY_EYEBALLS_DELAY = 0.25
_READ_SIZE = 32 * 1024
_PATIENCE_AT_THE_END = 1.0


class Stream:
    """Bytes to and from a stranger; both directions count against the attempt's bounds."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        """What has come, at most 32 KiB; empty at the end. Raises OSError when the connection breaks."""
        return await self._reader.read(_READ_SIZE)

    async def write(self, data: bytes) -> None:
        """Send. Raises OSError when the connection is broken."""
        self._writer.write(data)
        await self._writer.drain()

    def close(self) -> None:
        """End the connection once what was written is sent; nothing is waited for."""
        self._writer.close()


class Streams:
    """
    Opens streams.

    Args:
        dialler: opens the sockets.
    """

    def __init__(self, dialler: Dialler) -> None:
        self._dialler = dialler

    async def open(self, target: Url, attempt: Attempt, endpoints: tuple[Endpoint, ...]) -> Stream:
        """
        Connect to the first endpoint that can be reached, with TLS for https.

        Raises:
            OSError: no connection came about.
        """
        attempt.endpoints = shortlist(endpoints)
        attempt.connect_at = attempt.clock()
        token = CURRENT.set(attempt)
        try:
            connected = await aiohappyeyeballs.start_connection(
                [_info(endpoint) for endpoint in attempt.endpoints],
                happy_eyeballs_delay=_HAPPY_EYEBALLS_DELAY,
                interleave=1,
                socket_factory=self._dialler.open,
            )
            attempt.tcp_done()
            try:
                encrypted: dict[str, Any] = {}
                if attempt.encrypted:
                    encrypted = {
                        "ssl": attempt.tls,
                        "server_hostname": target.host.name,
                        "ssl_shutdown_timeout": _PATIENCE_AT_THE_END,
                    }
                reader, writer = await asyncio.open_connection(sock=connected, **encrypted)
            except BaseException:
                connected.close()
                raise
            return Stream(reader, writer)
        finally:
            CURRENT.reset(token)


def _info(endpoint: Endpoint) -> tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]:
    if endpoint.family == 6:
        return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (endpoint.address, endpoint.port, 0, 0)
    return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (endpoint.address, endpoint.port)
