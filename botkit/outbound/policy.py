"""Which addresses may be connected to when untrusted input names them."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from botkit.outbound.model import Failure, FailureKind, Phase

# A table of our own: ipaddress.is_global changes between Python releases and misses translated addresses.
_IPV4_RULES = tuple(
    (IPv4Network(network), rule)
    for network, rule in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private (RFC 1918)"),
        ("100.64.0.0/10", "shared by carriers (RFC 6598)"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "cloud platform service"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private (RFC 1918)"),
        ("192.0.0.0/24", "protocol assignments (RFC 6890)"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private (RFC 1918)"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_IPV6_RULES = tuple(
    (IPv6Network(network), rule)
    for network, rule in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("64:ff9b:1::/48", "local NAT64"),
        ("100::/64", "discard-only"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
        ("2001::/23", "protocol assignments (RFC 2928)"),
        ("2001:db8::/32", "documentation"),
        ("3fff::/20", "documentation"),
    )
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_6TO4 = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
_COMPATIBLE = IPv6Network("::/96")
_SIIT = IPv6Network("::ffff:0:0:0/96")
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})
_LOW_32 = 0xFFFFFFFF


BLOCKED_PORTS = frozenset(
    (
        *(0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104),
        *(109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526),
        *(530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659),
        *(4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080),
    )
)
"""The bad ports of the Fetch standard, which browsers refuse."""

AVOIDED_PORTS = {
    3306: "MySQL",
    5432: "PostgreSQL",
    6379: "Redis",
    9200: "Elasticsearch",
    11211: "memcached",
    27017: "MongoDB",
}
"""Ports of databases, which browsers do not refuse, and by what they are known."""


def port_refusal(port: int) -> Failure | None:
    """Why nothing is sent to this port, None where it may be."""
    if port in BLOCKED_PORTS:
        return Failure(FailureKind.PORT_BLOCKED, Phase.ADDRESS, f"browsers refuse port {port}")
    if port in AVOIDED_PORTS:
        detail = f"port {port} is known for {AVOIDED_PORTS[port]}, so nothing is sent there"
        return Failure(FailureKind.PORT_AVOIDED, Phase.ADDRESS, detail)
    return None


class AddressPolicy:
    """
    Judges IP addresses before a socket is opened to them.

    IPv4 is open but for the special blocks of RFC 6890 and its successors. IPv6 is closed but for
    2000::/3, less the special blocks there. An address that carries an IPv4 address (mapped, NAT64,
    6to4) is judged by what it carries; forms that no public service uses (Teredo, IPv4-compatible,
    SIIT, ISATAP of a private address, scoped addresses) are refused.

    Args:
        allow_private: CIDR networks exempt from all this.

    Raises:
        ValueError: a network cannot be read; the text names it.
    """

    def __init__(self, allow_private: Iterable[str] = ()) -> None:
        self._allowed = tuple(_network(text) for text in allow_private)

    def verdict(self, address: str) -> str | None:
        """None when ``address`` (a literal, without brackets) may be talked to, else the rule's name."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return "not an IP address"
        if isinstance(parsed, IPv6Address) and parsed.scope_id is not None:
            return "scoped address"
        return self._judge(parsed)

    def _judge(self, address: IPv4Address | IPv6Address) -> str | None:
        if any(address in network for network in self._allowed):
            return None
        if isinstance(address, IPv4Address):
            return next((rule for network, rule in _IPV4_RULES if address in network), None)
        return self._judge_ipv6(address)

    def _judge_ipv6(self, address: IPv6Address) -> str | None:
        value = int(address)
        for network, name, carried in (
            (_MAPPED, "IPv4-mapped form", value),
            (_NAT64, "NAT64", value),
            (_6TO4, "6to4", value >> 80),
        ):
            if address in network:
                return self._carried(name, carried)
        if address in _TEREDO:
            return self._carried("Teredo", value ^ _LOW_32) or self._carried("Teredo", value >> 64) or "Teredo"
        listed = next((rule for network, rule in _IPV6_RULES if address in network), None)
        if listed is not None:
            return listed
        if address in _COMPATIBLE:
            return self._carried("IPv4-compatible form", value) or "IPv4-compatible form"
        if address in _SIIT:
            return self._carried("IPv4-translated form", value) or "IPv4-translated form"
        if address not in _GLOBAL_UNICAST:
            return "outside global unicast (2000::/3)"
        if (value >> 32) & _LOW_32 in _ISATAP:
            return self._carried("ISATAP", value)
        return None

    def _carried(self, form: str, value: int) -> str | None:
        rule = self._judge(IPv4Address(value & _LOW_32))
        if rule is None:
            return None
        return f"{form} of a private address" if rule.startswith("private") else f"{form} of {rule}"


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise ValueError(f"allow_private: {text!r} is not a network such as 192.168.0.0/16: {error}") from None
