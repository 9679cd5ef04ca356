"""Silences: what a room does not want to be notified of for a while."""

from __future__ import annotations

from dataclasses import dataclass

from botkit.identifiers import HostPort, parse_host_port


@dataclass(frozen=True, slots=True)
class Silence:
    """
    Mutes something in a room for a while; checks continue.

    Attributes:
        target: a server name, or the host of a service with or without port.
        until: its end as people read it, seconds since the epoch; it holds until ``Timers`` ends it.
        author: who asked for it, a user id.
        reason: one line, may be empty.
    """

    room_id: str
    target: str
    until: float
    author: str
    reason: str = ""

    def covers(self, name: str) -> bool:
        """Whether it is about this server or service."""
        return _same(self.target, name)


def _same(target: str, name: str) -> bool:
    """Whether a silence's target names this server or service; a host includes all of its ports."""
    wanted, found = _place(target.lower()), _place(name.lower())
    return wanted.host == found.host and wanted.port in (None, found.port or 443)


def _place(text: str) -> HostPort:
    """What cannot be taken apart, such as a placeholder that a list names, is a host without port."""
    try:
        return parse_host_port(text)
    except ValueError:
        return HostPort(text)
