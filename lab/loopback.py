"""The part of loopback that this process serves at, and ports there that nobody else is given."""

from __future__ import annotations

import os
import socket

_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
# tests run by several processes at once; what they start inherits the variable
BLOCK = f"127.0.{100 + int(_WORKER)}" if _WORKER else "127.0.7"
"""The first three numbers of the addresses at which this process serves."""
NETWORK = f"{BLOCK}.0/24"


def bound(address: str, port: int = 0) -> socket.socket:
    """
    A TCP socket at an address and a port, by default any free one, that does not listen yet.

    As long as it is open the kernel gives the port to nobody else, and whoever connects is refused until a socket
    with ``SO_REUSEADDR`` listens there; this one may, too.

    Raises:
        OSError: somebody listens there, or the address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where the protocol is given; web servers have it off
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setblocking(False)
    try:
        made.bind((address, port))
    except OSError:
        made.close()
        raise
    return made


def reserved_port(address: str = "127.0.0.1") -> int:
    """
    A TCP port for a program that must be told one; it is kept for it, running or not, until this process ends.

    Raises:
        OSError: the address is not one of this machine.
    """
    keeper = bound(address)
    port: int = keeper.getsockname()[1]
    keeper.detach()
    return port
