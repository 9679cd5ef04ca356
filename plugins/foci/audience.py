"""
Which rooms hear of something, and about which of their servers.

A room never learns what another one watches.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from botkit.identifiers import HostPort, parse_host_port

ReceivingRooms = Mapping[str, tuple[str, ...]]
"""Room id to the servers that this room is told of, sorted."""


@dataclass(frozen=True, slots=True)
class Silence:
    """
    A room's wish not to hear of something for a while; checks go on.

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


def receiving_rooms(
    name: str, servers: Iterable[str], watches: Mapping[str, Collection[str]], silences: Collection[Silence]
) -> ReceivingRooms:
    """
    The rooms that hear of something now.

    Args:
        name: what it is about, as a silence would name it.
        servers: all servers that it concerns.
        watches: room id to the servers watched there.
        silences: those that hold.
    """
    affected = set(servers)
    found = {}
    for room_id, watched in watches.items():
        own = [silence for silence in silences if silence.room_id == room_id]
        if any(silence.covers(name) for silence in own):
            continue
        names = [server for server in watched if server in affected]
        names = [server for server in names if not any(silence.covers(server) for silence in own)]
        if names:
            found[room_id] = tuple(sorted(names))
    return found


def _same(target: str, name: str) -> bool:
    """Whether a silence's target names this server or service; a host stands for all of its ports."""
    wanted, found = _place(target.lower()), _place(name.lower())
    return wanted.host == found.host and wanted.port in (None, found.port or 443)


def _place(text: str) -> HostPort:
    """What cannot be taken apart, such as a placeholder that a list names, is a host without port."""
    try:
        return parse_host_port(text)
    except ValueError:
        return HostPort(text)
