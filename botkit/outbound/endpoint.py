"""Where a socket is opened to, and the map that sends names elsewhere (``connect_to``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

from botkit.identifiers import HostPort, parse_address, parse_server_name

ADDRESSES_PER_FAMILY = 4
"""Of a long list of addresses, so many per family are tried, as clients do."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An IP address (no brackets, no scope) and a port."""

    address: str
    port: int

    @property
    def family(self) -> Literal[4, 6]:
        """4 or 6."""
        return 6 if ":" in self.address else 4

    def __str__(self) -> str:
        return str(HostPort(self.address, self.port))


Routes = Mapping[tuple[str, int], tuple[Endpoint, ...]]
"""(lower-case host without trailing dot, port) to the endpoints to use instead of DNS."""


def shortlist(endpoints: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    """The endpoints that are tried, IPv6 first; in order of addresses, since name servers shuffle their answers."""
    ordered = sorted(set(endpoints), key=lambda one: (ip_address(one.address).packed, one.port))
    by_family = ([e for e in ordered if e.family == family][:ADDRESSES_PER_FAMILY] for family in (6, 4))
    return tuple(endpoint for family in by_family for endpoint in family)


def parse_routes(connect_to: Mapping[str, tuple[str, ...]]) -> Routes:
    """
    The ``connect_to`` setting, checked. A target without a port keeps the port of its key.

    Raises:
        ValueError: an entry cannot be read; the text names it.
    """
    routes: dict[tuple[str, int], tuple[Endpoint, ...]] = {}
    for key, targets in connect_to.items():
        try:
            origin = parse_server_name(key)
            if origin.port is None:
                raise ValueError("expected host:port")
            if not targets:
                raise ValueError("no address given")
            routes[route_key(origin.host, origin.port)] = tuple(_endpoint(target, origin.port) for target in targets)
        except ValueError as error:
            raise ValueError(f"connect_to: entry {key!r}: {error}") from None
    return routes


def route_key(host: str, port: int) -> tuple[str, int]:
    """How a host and port are looked up in `Routes`."""
    try:
        return str(ip_address(host)), port
    except ValueError:
        return host.lower().rstrip("."), port


def _endpoint(text: str, port: int) -> Endpoint:
    try:
        address = parse_address(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not an address such as 192.0.2.7:8443 ({error})") from None
    return Endpoint(address.host, address.port or port)
