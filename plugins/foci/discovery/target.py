"""What a person may name to check: a user, a server, or a link to a user (Matrix appendices, "Identifier grammar")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from botkit.identifiers import HostPort, parse_server_name
from botkit.messages.sanitise import clean_line, quoted

_MATRIX_TO = re.compile(r"https?://(?:www\.)?matrix\.to/#/(?P<id>[^?]*)", re.IGNORECASE)
_MATRIX_URI = re.compile(r"matrix:(?://[^/]*/)?(?P<kind>[a-z]+)/(?P<id>[^?#]*)", re.IGNORECASE)
_MAX_TEXT = 1024
_MAX_USER_ID_BYTES = 255


class TargetError(ValueError):
    """The text names neither a user nor a server; the message is a line of marked text for the person who typed it."""


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
        """The hostname as written in a URL (IPv6 literals in brackets)."""
        return HostPort(self.hostname).url_host


def parse_target(text: str) -> Target:
    """
    Read a target.

    Raises:
        TargetError: it is a room, an alias, a URL or nothing that follows the grammar.
    """
    text = text.strip()
    if not text:
        raise TargetError("empty target: give a user id such as `@alice:example.org` or a server name")
    if len(text) > _MAX_TEXT:
        raise TargetError(f"{_shown(text)}: too long for a user id or a server name")
    identifier = _linked(text)
    if identifier.startswith(("#", "!", "+", "$")):
        raise TargetError(f"{_shown(text)}: that names a room or an event; give a user id or a server name")
    if identifier.startswith("@"):
        return _user(text, identifier)
    if "://" in identifier:
        raise TargetError(f"{_shown(text)}: that is a URL; give a user id or a server name")
    place = _server(text, identifier)
    return Target(text, identifier, place.host, place.port, None)


def typed_target(word: str) -> Target:
    """
    Read a target among the words of a command, where it may end in a comma and a lone word is a typing error.

    Raises:
        TargetError: as ``parse_target``, or the word has none of ``@ . : [``.
    """
    word = word.rstrip(",;")
    if not any(mark in word for mark in "@.:["):
        raise TargetError(f"{_shown(word)} is neither a user id nor a server name")
    return parse_target(word)


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
        raise TargetError(f"{_shown(text)}: a user id needs a server, as in `@alice:example.org`")
    if "\0" in localpart or any("\ud800" <= c <= "\udfff" for c in user_id):
        raise TargetError(f"{_shown(text)}: not a user id")
    if len(user_id.encode()) > _MAX_USER_ID_BYTES:
        raise TargetError(f"{_shown(text)}: a user id has at most {_MAX_USER_ID_BYTES} bytes")
    place = _server(text, server_name)
    return Target(text, server_name, place.host, place.port, user_id)


def _server(text: str, server_name: str) -> HostPort:
    try:
        return parse_server_name(server_name)
    except ValueError as error:
        raise TargetError(f"{_shown(text)}: {error}") from None


def _shown(text: str) -> str:
    """The offending text, short, as marked text."""
    return quoted(clean_line(text, 80))
