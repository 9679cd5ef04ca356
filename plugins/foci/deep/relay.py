"""
A loopback relay to one SFU, for a library that dials by itself.

So the address policy, the trust anchors and the routes of the configuration hold for signalling as everywhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from botkit.outbound import OutboundClient, Stream, parse_url

_LONGEST_HEAD = 32 * 1024
_MOST_CONNECTIONS = 12
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})\b")
_STATUS_ENDS = 13


class Relay:
    """
    Passes requests below one URL on, and nothing else; an async context manager.

    Attributes:
        statuses: what the SFU answered so far, in HTTP's numbers.

    Args:
        url: of the SFU, https.
        deadline: loop time by which connections must come about.
    """

    def __init__(self, outbound: OutboundClient, url: str, deadline: float) -> None:
        self._outbound = outbound
        self._url = url.rstrip("/")
        self._parts = urlsplit(self._url)
        self._deadline = deadline
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.statuses: set[int] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_LONGEST_HEAD)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        """What to dial instead, a ws URL with the same path."""
        assert self._server is not None  # noqa: S101 - used within the context
        port = self._server.sockets[0].getsockname()[1]
        return f"ws://127.0.0.1:{port}{self._parts.path}"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a callback of the server runs in a task
        if len(self._tasks) >= _MOST_CONNECTIONS:
            writer.transport.abort()
            return
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            # The end of the context cancels this task; only the server awaits its outcome.
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = self._rewritten(await reader.readuntil(b"\r\n\r\n"))
        if head is None:
            return
        stream = await self._outbound.open(self._url, deadline=self._deadline)
        if not isinstance(stream, Stream):
            return
        try:
            await stream.write(head)
            outward = asyncio.create_task(_pump_out(reader, stream))
            opening = b""
            try:
                while data := await stream.read():
                    if len(opening) < _STATUS_ENDS:
                        opening += data
                        self._note(opening)
                    writer.write(data)
                    await writer.drain()
            finally:
                outward.cancel()
                with contextlib.suppress(asyncio.CancelledError, OSError):
                    await outward
        finally:
            stream.close()

    def _note(self, opening: bytes) -> None:
        status = _STATUS.match(opening) if len(opening) >= _STATUS_ENDS else None
        if status is not None:
            self.statuses.add(int(status[1]))

    def _rewritten(self, head: bytes) -> bytes | None:
        """The request's head for the SFU: its own Host, one request per connection. None for other paths."""
        first, *lines = head.split(b"\r\n")
        words = first.split(b" ")
        if len(words) != 3 or not words[1].startswith(f"{self._parts.path}/rtc".encode()):
            return None
        kept = [line for line in lines if not line.lower().startswith(b"host:")]
        if not any(line.lower().startswith(b"upgrade:") for line in kept):
            kept = [b"Connection: close", *(line for line in kept if not line.lower().startswith(b"connection:"))]
        return b"\r\n".join([first, f"Host: {parse_url(self._url).host_header}".encode(), *kept])


async def _pump_out(reader: asyncio.StreamReader, stream: Stream) -> None:
    while data := await reader.read(_LONGEST_HEAD):
        await stream.write(data)
