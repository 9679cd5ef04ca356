"""
Receivers: the rooms that are notified, after watches, silences, ignored codes and suspension.

A room never learns what another one watches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from botkit.identifiers import server_of
from plugins.foci.alerts.incident import Incident
from plugins.foci.alerts.silences import Silence
from plugins.foci.alerts.watches import Watch, ignored_by
from plugins.foci.health.events import AlertEvent
from plugins.foci.health.keys import SELF, Key

ReceivingRooms = Mapping[str, tuple[str, ...]]
"""Room id to the servers that this room is notified about, sorted."""


@dataclass(frozen=True, slots=True)
class Receivers:
    """
    Receivers: rooms to notify, after watches, ignored codes, silences and suspension.

    Attributes:
        concerned: key to the watches of the servers that it concerns.
        rooms: every room with a watch; needed of what concerns all, the bot's own network.
        suspended: rooms that reject the bot; nothing is sent there.
        ignore: finding codes that are never reported.
    """

    concerned: Mapping[Key, Collection[Watch]]
    rooms: frozenset[str]
    silences: Collection[Silence]
    suspended: frozenset[str]
    ignore: frozenset[str]

    def of_event(self, event: AlertEvent) -> ReceivingRooms:
        """Rooms that receive an event. Those notified of a beginning also receive its end, whatever its cause."""
        if event.key == SELF:
            return dict.fromkeys(sorted(self.rooms - self.suspended), ())
        code = "" if event.is_end else event.cause.code
        return self._of(event.key.label, self.concerned.get(event.key, ()), code)

    def of_members(self, incident: Incident) -> Mapping[Key, ReceivingRooms]:
        """Rooms that receive each of its keys."""
        return {key: self.of_event(event) for key, event in incident.members.items()}

    def of_list(self, server: str, watches: Iterable[Watch]) -> ReceivingRooms:
        """Rooms that receive changes of a server's list."""
        return self._of(server, watches, "")

    def watching(self, key: Key) -> frozenset[str]:
        """Rooms that a key concerns, including those that are muted or suspended."""
        if key == SELF:
            return self.rooms
        return frozenset(watch.room_id for watch in self.concerned.get(key, ()))

    def _of(self, name: str, watches: Iterable[Watch], code: str) -> ReceivingRooms:
        """Rooms by id; ``name`` is what it is about, as a silence would name it."""
        by_server: dict[str, list[Watch]] = defaultdict(list)
        for watch in watches:
            by_server[watch.server].append(watch)
        found: dict[str, list[str]] = defaultdict(list)
        for server, own in sorted(by_server.items()):
            for room_id, ignored in ignored_by(own).items():
                suppressed = room_id in self.suspended or (code and code in ignored | self.ignore)
                if not (suppressed or self._is_silenced(room_id, name, server)):
                    found[room_id].append(server)
        return {room_id: tuple(servers) for room_id, servers in sorted(found.items())}

    def _is_silenced(self, room_id: str, *names: str) -> bool:
        silences = [one for one in self.silences if one.room_id == room_id]
        return any(silence.covers(name) for silence in silences for name in names)


def shares_fate(server: str, own_server: str, entitled: Iterable[str]) -> bool:
    """
    Whether an alert about a server would go down with it: it is the bot's own, or that of all who may act on it.

    Args:
        entitled: user ids in the room, the bot left out.
    """
    homes = {server_of(user_id).lower() for user_id in entitled}
    return server.lower() == own_server.lower() or homes == {server.lower()}


def confidant(
    room_id: str, watches: Iterable[Watch], suspended: Collection[str], operators: Collection[str]
) -> str | None:
    """
    The room to notify about another one: the one that watches most of the same servers, then the oldest; else one of
    the operators'. Any other is a stranger, who hears nothing.

    Args:
        operators: rooms that the configuration names and an admin of the bot is in.
    """
    wishes = tuple(watches)
    lost = {watch.server for watch in wishes if watch.room_id == room_id}
    rooms: dict[str, list[Watch]] = {}
    for watch in wishes:
        if watch.room_id not in {room_id, *suspended}:
            rooms.setdefault(watch.room_id, []).append(watch)
    near = [room for room, own in rooms.items() if room in operators or lost & {watch.server for watch in own}]

    def rank(room: str) -> tuple[int, float, str]:
        own = rooms[room]
        return -len(lost & {watch.server for watch in own}), min(watch.created_at for watch in own), room

    return min(near, key=rank, default=None)
