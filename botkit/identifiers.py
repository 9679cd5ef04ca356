"""Matrix identifiers that the host itself needs: server names, ``host[:port]``, user ids and globs over user ids."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST_USER_ID = 255
"""Bytes, sigil and server included (Matrix appendices, user identifiers)."""

_HOST_AND_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[^\[\]:/?#@\s]+)(?P<port>:.*)?", re.DOTALL)
_PORT = re.compile(r":[0-9]{1,5}")
_DNS_NAME = re.compile(r"[0-9A-Za-z._-]{1,255}")
_IPV4_SHAPE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}")


@dataclass(frozen=True, slots=True)
class HostPort:
    """
    ``host[:port]`` taken apart.

    Attributes:
        host: as it was written; IPv6 literals without brackets.
        port: from 1 to 65535, None without one.
    """

    host: str
    port: int | None = None

    @property
    def url_host(self) -> str:
        """The host as written in a URL (IPv6 literals in brackets)."""
        return f"[{self.host}]" if ":" in self.host else self.host

    def __str__(self) -> str:
        return self.url_host if self.port is None else f"{self.url_host}:{self.port}"


def parse_host_port(text: str, *, lowest_port: int = 1) -> HostPort:
    """
    Read ``host[:port]``. The host may be any word, such as an internationalised name; IPv6 literals are in brackets.

    Raises:
        ValueError: it is not one; the message says why and does not repeat the text.
    """
    found = _HOST_AND_PORT.fullmatch(text)
    if found is None or (text.startswith("[") and not _is_ipv6(found["host"][1:-1])):
        raise ValueError("not a valid IPv6 literal" if text.startswith("[") else "expected host or host:port")
    host, port = found["host"].strip("[]"), None
    if _IPV4_SHAPE.fullmatch(host) and any(int(part) > 255 for part in host.split(".")):
        raise ValueError("not a valid IPv4 address")
    if found["port"] is not None:
        if not _PORT.fullmatch(found["port"]):
            raise ValueError("a port is 1 to 5 digits after a colon")
        port = int(found["port"][1:])
        if not lowest_port <= port <= 65535:
            raise ValueError(f"port {port} does not exist")
    return HostPort(host, port)


def parse_server_name(text: str) -> HostPort:
    """
    Read a server name: ``host[:port]`` by the Matrix grammar (appendices, "Server name"), underscores tolerated.

    Whether DNS could hold the name is not asked: the grammar allows empty and long labels.

    Raises:
        ValueError: it is not one; the message says why and does not repeat the text.
    """
    name = parse_host_port(text)
    if ":" not in name.host and not _DNS_NAME.fullmatch(name.host):
        raise ValueError("not a server name (letters, digits, dots, hyphens and underscores; IDN as punycode)")
    return name


def parse_address(text: str, *, lowest_port: int = 1) -> HostPort:
    """
    Read an IP address with or without a port; IPv6 needs brackets only before a port. Its host is in canonical form.

    Raises:
        ValueError: it is not one.
    """
    bare = text.count(":") > 1 and not text.startswith("[")
    where = HostPort(text) if bare else parse_host_port(text, lowest_port=lowest_port)
    return HostPort(str(ipaddress.ip_address(where.host)), where.port)


def is_server_name(text: str) -> bool:
    """Whether the text is a server name, see ``parse_server_name``."""
    try:
        parse_server_name(text)
    except ValueError:
        return False
    return True


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.IPv6Address(text).scope_id is None
    except ValueError:
        return False


def is_user_id(text: str) -> bool:
    """
    Whether the text is ``@localpart:server``; historical localparts count.

    A localpart holds no colon, no space and nothing invisible: stricter than the specification, which
    lets servers emit almost anything, because the text ends up in messages.
    """
    localpart, colon, server = text[1:].partition(":")
    return (
        text.startswith("@")
        and bool(colon)
        and all(character.isprintable() and not character.isspace() for character in localpart)
        and len(text.encode("utf-8", "surrogatepass")) <= LONGEST_USER_ID
        and is_server_name(server)
    )


def server_of(user_id: str) -> str:
    """The server part: everything after the first colon, empty when there is none."""
    return user_id.partition(":")[2]


def is_user_glob(text: str) -> bool:
    """Whether the text can match a user id; ``*`` and ``?`` are wildcards, a lone ``*`` is everyone."""
    return (
        text[:1] in ("@", "*", "?")
        and (":" in text or "*" in text)
        and len(text) <= LONGEST_USER_ID
        and all(character.isprintable() and not character.isspace() for character in text)
    )


def matches_any(globs: Iterable[str], text: str) -> bool:
    """
    Whether one of the globs matches the whole text; ``*`` is any run of characters and ``?`` exactly one.

    The meaning of ``*`` and ``?`` is that of server ACLs. Case counts, as user ids are case-sensitive.
    """
    return any(_matches(glob, text) for glob in globs)


def _matches(glob: str, text: str) -> bool:
    # Greedy with one way back: linear in practice, where a regular expression could take for ever.
    at = mark = 0
    star = -1
    place = 0
    while at < len(text):
        if place < len(glob) and glob[place] == "*":
            star, mark = place, at
            place += 1
        elif place < len(glob) and glob[place] in ("?", text[at]):
            at, place = at + 1, place + 1
        elif star >= 0:
            mark += 1
            at, place = mark, star + 1
        else:
            return False
    return all(character == "*" for character in glob[place:])
