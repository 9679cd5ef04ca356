"""A listening address: real TLS, virtual hosts by name, and the faults that happen before HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import struct
from collections import deque
from collections.abc import Iterator

from lab.authority import Authority, Flaw
from lab.exchange import MAX_HEAD, Answer, Handler, Performance, Request, nginx_page, read_request
from lab.fault import Fault, Layer
from lab.handshake import refuse
from lab.loopback import bound
from lab.playback import spoil

_FLAWS = {
    Fault.TLS_EXPIRED: Flaw.EXPIRED,
    Fault.TLS_NOT_YET_VALID: Flaw.NOT_YET_VALID,
    Fault.TLS_SELF_SIGNED: Flaw.SELF_SIGNED,
    Fault.TLS_UNTRUSTED: Flaw.UNTRUSTED,
    Fault.TLS_WRONG_NAME: Flaw.WRONG_NAME,
    Fault.TLS_NEAR_EXPIRY: Flaw.NEAR_EXPIRY,
}
_log = logging.getLogger(__name__)
# TLS alert records (RFC 8446, section 6): protocol_version, unrecognized_name and internal_error, all fatal.
_ALERTS = {
    Fault.TLS_OUTDATED: bytes.fromhex("15 0301 0002 02 46"),
    Fault.TLS_NAME_UNKNOWN: bytes.fromhex("15 0301 0002 02 70"),
    Fault.TLS_NAME_FAILS: bytes.fromhex("15 0301 0002 02 50"),
}
_MUTE = {
    Fault.RESET_AFTER_CONNECT,
    Fault.CLOSED_AFTER_CONNECT,
    Fault.NEVER_SPEAKS_TLS,
    Fault.TLS_CLIENT_CERTIFICATE,
    *_ALERTS,
}
_WITHOUT_TLS = _MUTE | {Fault.PLAIN_HTTP_ON_PORT}


class Mount:
    """
    Something that answers below a path of a site.

    Attributes:
        prefix: the path without a slash at its end; the handler sees what follows it.
        exact: answers at that very path only, and sees it whole.
        fault: how its answers are spoilt; only faults of the HTTP layer. May be changed at any time.
    """

    def __init__(self, prefix: str, handler: Handler, *, exact: bool = False) -> None:
        self.prefix = prefix
        self.handler = handler
        self.exact = exact
        self.fault: Fault | None = None

    def matches(self, path: str) -> bool:
        """Whether a request for ``path`` is for this mount."""
        return path == self.prefix or (not self.exact and path.startswith(self.prefix + "/"))

    async def answer(self, request: Request) -> Answer | Performance:
        """The answer of the handler, or what the fault makes of it."""
        if self.fault is not None:
            return spoil(self.fault)
        return await self.handler(request if self.exact else request.at(request.path[len(self.prefix) :]))


class Site:
    """
    A virtual host.

    Attributes:
        authority: ``host:port`` as in URLs, the port always given.
        host: the host alone, an IPv6 address without brackets.
        requests: the last requests that reached it.
    """

    def __init__(self, authority: str) -> None:
        self.authority = authority
        self.host = authority.rpartition(":")[0].strip("[]")
        self.requests: deque[Request] = deque(maxlen=10_000)
        self._mounts: list[Mount] = []

    def mount(self, mount: Mount) -> Mount:
        """Serve something; the newest of equal prefixes wins, the longest of all."""
        self._mounts.insert(0, mount)
        self._mounts.sort(key=lambda mounted: len(mounted.prefix), reverse=True)
        return mount

    def unmount(self, mount: Mount) -> None:
        """
        Serve it no more.

        Raises:
            ValueError: it is not mounted here.
        """
        self._mounts.remove(mount)

    async def answer(self, request: Request) -> Answer | Performance:
        """The answer of the mount that fits, or a web server's 404."""
        self.requests.append(request)
        for mount in self._mounts:
            if mount.matches(request.path):
                return await mount.answer(request)
        return nginx_page(404)


class Front:
    """
    One listening socket, with the sites behind it.

    Attributes:
        address: where it listens.
        port: likewise; 0 until the first ``open`` if none was asked for. From then on it stays its own, whatever fault
            is played, until ``close``.
        fault: the fault of the connection layer that is being played.
    """

    def __init__(self, authority: Authority, address: str, port: int = 0) -> None:
        self.address = address
        self.port = port
        self.fault: Fault | None = None
        self.sites: dict[str, Site] = {}
        self._certificates = authority
        self._keeper: socket.socket | None = None
        self._socket: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._fillers: list[socket.socket] = []
        self._connections: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}

    @property
    def endpoint(self) -> str:
        """``address:port``, an IPv6 address in brackets."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    async def open(self, fault: Fault | None = None) -> None:
        """Listen (or, with a fault, do not), after ending what was open."""
        if fault is not None and fault.layer is not Layer.CONNECTION:
            raise ValueError(f"{fault} is not a fault of a connection")
        if self._keeper is None:
            self._keeper = bound(self.address, self.port)
            self.port = self._keeper.getsockname()[1]
        await self._shut()
        self.fault = fault
        if fault is Fault.REFUSED:
            return
        self._socket = bound(self.address, self.port)
        if fault is Fault.BLACKHOLE:
            self._socket.listen(0)
            self._fillers = list(self._fill())
            return
        self._server = await asyncio.start_server(
            self._connected,
            sock=self._socket,
            limit=MAX_HEAD,
            backlog=512,
            ssl=None if fault in _WITHOUT_TLS else self._context(),
        )

    async def close(self) -> None:
        """Stop listening, end every connection and give the port up."""
        await self._shut()
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None

    async def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._connections.values():
            writer.transport.abort()
        tasks = [task for task in self._connections if task is not None]
        await asyncio.gather(*tasks)
        for filler in self._fillers:
            filler.close()
        self._fillers = []
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _fill(self) -> Iterator[socket.socket]:
        """Connections that fill the queue of a listener that never accepts, so that the kernel drops more."""
        for _ in range(4):
            filler = socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET, socket.SOCK_STREAM)
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect((self.address, self.port))
            yield filler

    def _context(self) -> ssl.SSLContext:
        """A TLS context that presents each site's own certificate, by SNI; without SNI, the first site's."""
        first = next(iter(self.sites.values()), None)
        host = self.address if first is None else first.host
        context = self._leaf_context(host)
        by_host = {host: context}

        def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            if name is None:
                return
            if name not in by_host and any(site.host == name for site in self.sites.values()):
                by_host[name] = self._leaf_context(name)
            connection.context = by_host.get(name, context)

        context.sni_callback = choose
        return context

    def _leaf_context(self, host: str) -> ssl.SSLContext:
        flaw = Flaw.NONE if self.fault is None else _FLAWS.get(self.fault, Flaw.NONE)
        return self._certificates.issue(host, flaw=flaw).context()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._connections[task] = writer
        try:
            if self.fault in _MUTE:
                await self._stay_mute(reader, writer)
            else:
                await self._converse(reader, writer)
            writer.close()
            await writer.wait_closed()
        except OSError as error:
            _log.debug("%s: a client left: %s", self.endpoint, error)
        finally:
            writer.transport.abort()
            del self._connections[task]

    async def _stay_mute(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.fault is Fault.RESET_AFTER_CONNECT:
            raw: socket.socket = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return
        if self.fault is Fault.TLS_CLIENT_CERTIFICATE:
            context = self._context()
            context.verify_mode = ssl.CERT_REQUIRED
            await refuse(reader, writer, context)
            return
        while await reader.read(65_536):
            if self.fault is not Fault.NEVER_SPEAKS_TLS:
                writer.write(_ALERTS.get(self.fault, b"") if self.fault else b"")
                return

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await read_request(reader)) is not None:
            answer = await self._answer(request)
            if isinstance(answer, Performance):
                await answer.play(reader, writer)
                return
            writer.write(answer.encode(head_only=request.method == "HEAD"))
            await writer.drain()
            if request.headers.get("connection", "").lower() == "close":
                return
        if not reader.at_eof():
            writer.write(nginx_page(400).encode())

    async def _answer(self, request: Request) -> Answer | Performance:
        bare = request.host.rpartition("]")[2] if request.host.startswith("[") else request.host
        site = self.sites.get(request.host if ":" in bare else f"{request.host}:443")
        if site is None and len(self.sites) == 1:
            site = next(iter(self.sites.values()))
        return nginx_page(421) if site is None else await site.answer(request)
