"""Who hears what, put together from watches, silences and rooms that refuse the bot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from plugins.foci.audience import ReceivingRooms, Silence, receiving_rooms
from plugins.foci.incident import Incident
from plugins.foci.key import SELF, Key
from plugins.foci.standing import AlertEvent, EventKind
from plugins.foci.watches import Watch, ignored_by

_CLOSING = frozenset({EventKind.RESOLVED, EventKind.CHECKABLE, EventKind.DROPPED})


@dataclass(frozen=True, slots=True)
class Receivers:
    """
    Who there is to tell.

    Attributes:
        concerned: key to the watches of the servers that it concerns.
        rooms: every room with a watch.
        suspended: rooms that refuse the bot: nothing is told there.
        ignore: finding codes that nobody is told of.
    """

    concerned: Mapping[Key, Collection[Watch]]
    rooms: frozenset[str]
    silences: Collection[Silence]
    suspended: frozenset[str]
    ignore: frozenset[str]

    def of_event(self, event: AlertEvent) -> ReceivingRooms:
        """Rooms that hear of an event. Whoever was told of a beginning hears of its end, whatever its cause was."""
        if event.key == SELF:
            return dict.fromkeys(sorted(self.rooms - self.suspended), ())
        code = "" if event.kind in _CLOSING else event.cause.code
        return self._of(event.key.label, self.concerned.get(event.key, ()), code)

    def of_members(self, incident: Incident) -> Mapping[Key, ReceivingRooms]:
        """Rooms that hear of each of its keys."""
        return {key: self.of_event(event) for key, event in incident.members.items()}

    def of_list(self, server: str, watches: Iterable[Watch]) -> ReceivingRooms:
        """Rooms that hear of changes of a server's list."""
        return self._of(server, watches, "")

    def watching(self, key: Key) -> frozenset[str]:
        """Rooms that a key is about, also those that are not to be told at present."""
        if key == SELF:
            return self.rooms
        return frozenset(watch.room_id for watch in self.concerned.get(key, ()))

    def _of(self, name: str, watches: Iterable[Watch], code: str) -> ReceivingRooms:
        by_server: dict[str, list[Watch]] = defaultdict(list)
        for watch in watches:
            by_server[watch.server].append(watch)
        watched: dict[str, list[str]] = defaultdict(list)
        for server, own in by_server.items():
            for room_id, ignored in ignored_by(own).items():
                if room_id not in self.suspended and not (code and code in ignored | self.ignore):
                    watched[room_id].append(server)
        return receiving_rooms(name, by_server, dict(sorted(watched.items())), self.silences)
