"""Matrix identifiers that the host itself needs: user ids, server names and globs over user ids."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

LONGEST_USER_ID = 255
"""Bytes, sigil and server included (Matrix appendices, user identifiers)."""

_HOST = re.compile(r"[0-9A-Za-z\-._]{1,230}", re.ASCII)


def is_server_name(text: str) -> bool:
    """Whether the text is ``hostname[:port]`` by the Matrix grammar, IPv6 literals in brackets included."""
    bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.]{2,45})\](?::(\d{1,5}))?", text, re.ASCII)
    if bracketed:
        try:
            ipaddress.IPv6Address(bracketed[1])
        except ValueError:
            return False
        return bracketed[2] is None or int(bracketed[2]) <= 65535
    host, colon, port = text.partition(":")
    if colon and not (re.fullmatch(r"\d{1,5}", port, re.ASCII) and int(port) <= 65535):
        return False
    return _HOST.fullmatch(host) is not None


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
