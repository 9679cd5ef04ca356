"""Who sees a connection: listeners on forbidden ground, an audit hook in the process, and the kernel's own counters."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

WALKED: ContextVar[str | None] = ContextVar("way_walked", default=None)
"""The way that the running task walks; whatever is started inside inherits it."""


class AuditHook:
    """
    Notes every address that the process connects or sends to while a way is walked.

    Attributes:
        attempts: way to addresses.
    """

    def __init__(self) -> None:
        """Install it: for good, as audit hooks are (PEP 578)."""
        self.attempts: dict[str, list[str]] = defaultdict(list)
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            return
        way = WALKED.get()
        used, address = arguments[0], arguments[1]
        if way is not None and used.family in (socket.AF_INET, socket.AF_INET6) and address is not None:
            self.attempts[way].append(plain(address[0]))


class Listeners:
    """
    Listeners on forbidden addresses, which hang up on whoever comes.

    Attributes:
        seen: address and port to the number of connections that came up.
    """

    def __init__(self) -> None:
        self.seen: Counter[tuple[str, int]] = Counter()
        self.places: set[tuple[str, int]] = set()
        self._news = asyncio.Event()
        self._servers: list[asyncio.Server] = []

    async def open(self, addresses: Iterable[str], ports: Iterable[int], *further: tuple[str, int]) -> None:
        """Listen on each port of each address, and in further places."""
        every = {(address, port) for address in addresses for port in ports} | set(further)
        for address, port in sorted(every):
            self._servers.append(await asyncio.start_server(self._connected, address, port, backlog=64))
            self.places.add((address, port))

    async def close(self) -> None:
        """Stop listening."""
        for server in self._servers:
            server.close()
        await asyncio.sleep(0)

    async def until(self, enough: Callable[[], bool], patience: float) -> bool:
        """Wait until enough was seen; False if it was not within so many seconds."""
        try:
            async with asyncio.timeout(patience):
                while not enough():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def _connected(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address, port = writer.get_extra_info("sockname")[:2]
        self.seen[(plain(address), port)] += 1
        self._news.set()
        writer.transport.abort()


@dataclass(frozen=True, slots=True)
class Counters:
    """
    What the kernel counted in this network namespace.

    Attributes:
        opened: TCP connections begun from here (ActiveOpens, RFC 4022), over IPv4 and IPv6.
        datagrams: UDP datagrams sent over IPv4.
        datagrams6: and over IPv6.
    """

    opened: int
    datagrams: int
    datagrams6: int

    def since(self, earlier: Counters) -> Counters:
        """The difference."""
        return Counters(
            self.opened - earlier.opened, self.datagrams - earlier.datagrams, self.datagrams6 - earlier.datagrams6
        )


def read_counters() -> Counters:
    """The counters now; only in a namespace of one's own are they nobody else's."""
    table: dict[str, dict[str, int]] = {}
    lines = Path("/proc/self/net/snmp").read_text().splitlines()
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        protocol, *keys = names.split()
        table[protocol.rstrip(":")] = dict(zip(keys, map(int, values.split()[1:]), strict=True))
    sixth = Path("/proc/self/net/snmp6")
    pairs = [line.split() for line in sixth.read_text().splitlines()] if sixth.exists() else []
    datagrams6 = next((int(value) for name, value in pairs if name == "Udp6OutDatagrams"), 0)
    return Counters(table["Tcp"]["ActiveOpens"], table["Udp"]["OutDatagrams"], datagrams6)


def plain(address: str) -> str:
    """An address as it stands in tables: mapped ones are IPv4, without scope."""
    parsed = ip_address(address.partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)


def listening_address(aim: str) -> str:
    """Where a connection to ``aim`` arrives: the unspecified address means this machine."""
    address = ip_address(aim)
    if not address.is_unspecified:
        return aim
    return "127.0.0.1" if isinstance(address, IPv4Address) else "::1"
