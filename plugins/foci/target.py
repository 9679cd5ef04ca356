"""What a person may name to check: a user, a server, or a link to a user (Matrix appendices, "Identifier grammar")."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import unquote

_DNS_NAME = re.compile(r"[0-9A-Za-z.-]{1,255}\Z")
_IPV4_SHAPE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}\Z")
_IPV6_LITERAL = re.compile(r"[0-9A-Fa-f:.]{2,45}\Z")
_PORT = re.compile(r"[0-9]{1,5}\Z")
_MATRIX_TO = re.compile(r"https?://(?:www\.)?matrix\.to/#/(?P<id>[^?]*)", re.IGNORECASE)
_MATRIX_URI = re.compile(r"matrix:(?://[^/]*/)?(?P<kind>[a-z]+)/(?P<id>[^?#]*)", re.IGNORECASE)
_MAX_TEXT = 1024
_MAX_USER_ID_BYTES = 255


class TargetError(ValueError):
    """The text names neither a user nor a server; the message is one line fit for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Target:
    """
    A server to check, and how it was named.

    Attributes:
        text: what was typed.
        server_name: everything after the first colon of a user id, port included.
        hostname: the server name without its port; IPv6 literals without brackets.
        port: the port in the server name, None without one.
        user_id: the user that was named, None when a server was.
    """

    text: str
    server_name: str
    hostname: str
    port: int | None
    user_id: str | None

    @property
    def url_host(self) -> str:
        """The hostname as it stands in a URL (IPv6 literals in brackets)."""
        return f"[{self.hostname}]" if ":" in self.hostname else self.hostname


def parse_target(text: str) -> Target:
    """
    Read a target.

    Raises:
        TargetError: it is a room, an alias, a URL or nothing that follows the grammar.
    """
    text = text.strip()
    if not text:
        raise TargetError("empty target: give a user id such as @alice:example.org or a server name")
    if len(text) > _MAX_TEXT:
        raise TargetError(f"{_shown(text)}: too long for a user id or a server name")
    identifier = _linked(text)
    if identifier.startswith(("#", "!", "+", "$")):
        raise TargetError(f"{_shown(text)}: that names a room or an event; give a user id or a server name")
    if identifier.startswith("@"):
        return _user(text, identifier)
    if "://" in identifier:
        raise TargetError(f"{_shown(text)}: that is a URL; give a user id or a server name")
    hostname, port = _server(text, identifier)
    return Target(text, identifier, hostname, port, None)


def _linked(text: str) -> str:
    """The identifier inside a matrix.to link or a ``matrix:`` URI (Matrix appendices, URIs), else the text."""
    if link := _MATRIX_TO.match(text):
        return unquote(link["id"].split("/")[0])
    if uri := _MATRIX_URI.match(text):
        kind = uri["kind"].lower()
        if kind not in ("u", "user"):
            raise TargetError(f"{_shown(text)}: that links to a room or an event; give a link to a user")
        return "@" + unquote(uri["id"].split("/")[0])
    return text


def _user(text: str, user_id: str) -> Target:
    localpart, colon, server_name = user_id[1:].partition(":")
    if not colon:
        raise TargetError(f"{_shown(text)}: a user id needs a server, as in @alice:example.org")
    if "\0" in localpart or any("\ud800" <= c <= "\udfff" for c in user_id):
        raise TargetError(f"{_shown(text)}: not a user id")
    if len(user_id.encode()) > _MAX_USER_ID_BYTES:
        raise TargetError(f"{_shown(text)}: a user id has at most {_MAX_USER_ID_BYTES} bytes")
    hostname, port = _server(text, server_name)
    return Target(text, server_name, hostname, port, user_id)


def _server(text: str, server_name: str) -> tuple[str, int | None]:
    """Split a server name into hostname and port; raises TargetError where the grammar is broken."""
    if server_name.startswith("["):
        literal, bracket, rest = server_name[1:].partition("]")
        if not bracket or not _IPV6_LITERAL.match(literal) or not _is_ipv6(literal):
            raise TargetError(f"{_shown(text)}: not a valid IPv6 literal")
        return literal, _port(text, rest)
    hostname, colon, port = server_name.partition(":")
    if not hostname or not _DNS_NAME.match(hostname):
        raise TargetError(f"{_shown(text)}: not a server name (letters, digits, dots and hyphens; IDN as punycode)")
    if _IPV4_SHAPE.match(hostname) and any(int(part) > 255 for part in hostname.split(".")):
        raise TargetError(f"{_shown(text)}: not a valid IPv4 address")
    return hostname, _port(text, colon + port)


def _port(text: str, rest: str) -> int | None:
    if not rest:
        return None
    if rest[0] != ":" or not _PORT.match(rest[1:]):
        raise TargetError(f"{_shown(text)}: not a server name (a port is 1 to 5 digits after a colon)")
    port = int(rest[1:])
    if not 0 < port <= 65535:
        raise TargetError(f"{_shown(text)}: port {port} does not exist")
    return port


def _is_ipv6(literal: str) -> bool:
    try:
        ipaddress.IPv6Address(literal)
    except ValueError:
        return False
    return True


def _shown(text: str) -> str:
    """The offending text, short and without characters that could disturb a line."""
    printable = "".join(c if c.isprintable() else "\ufffd" for c in text)
    return printable if len(printable) <= 80 else printable[:79] + "…"
