"""Watches: which room wants which server watched, how often, and which codes it ignores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from plugins.foci.alerts.notifications import AlertSettings
from plugins.foci.changes.detector import ListSettings
from plugins.foci.health.state import HealthSettings

Source = Literal["config", "room"]


HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Vouchers:
    """
    Whose word says which hosts tell something of the bot's own network, and whose checks no budget of strangers limits.

    Attributes:
        canaries: servers that are checked for this alone, besides whoever watches them.
        own_server: the bot's own homeserver, which is one where none is named; None for none at all.
        rooms, admins: what is watched there, or by them, is as good as configured.
    """

    canaries: frozenset[str] = frozenset()
    own_server: str | None = None
    rooms: frozenset[str] = frozenset()
    admins: frozenset[str] = frozenset()

    @property
    def checked(self) -> frozenset[str]:
        """Servers to check whether anybody watches them or not."""
        return self.canaries or frozenset(() if self.own_server is None else (self.own_server,))

    def vouch_for(self, watch: Watch) -> bool:
        """Whether the configuration says that somebody knows what this watch is good for."""
        return watch.source == "config" or watch.room_id in self.rooms or watch.author in self.admins


@dataclass(frozen=True, slots=True)
class WatchLimits:
    """How many watches may be made by commands; those of the configuration do not count."""

    per_room: int = 100
    per_person: int = 300


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """
    What the operator may tune about watches.

    Attributes:
        interval: seconds between checks where a watch names none.
        shortest: seconds between checks at least, whatever anyone asked for.
        ignore: finding codes that are never reported.
    """

    health: HealthSettings = field(default_factory=HealthSettings)
    lists: ListSettings = field(default_factory=ListSettings)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    interval: float = 300.0
    shortest: float = 60.0
    ignore: frozenset[str] = frozenset()
    vouchers: Vouchers = field(default_factory=Vouchers)
    limits: WatchLimits = field(default_factory=WatchLimits)

    @property
    def longest_window(self) -> float:
        """Seconds in which hosts are compared with each other, at most."""
        return min(max(self.shortest, self.interval), HOUR)

    @property
    def canary_interval(self) -> float:
        """Seconds between checks of a canary: what it says is wanted before anything fires."""
        return max(self.shortest, self.longest_window / 3)


@dataclass(frozen=True, slots=True)
class Watch:
    """
    One server watched for one room. A room may have two for a server, one of each source.

    Attributes:
        source: from config.yaml, or made by a command in the room.
        interval: seconds between checks; None for the configured default.
        ignore: finding codes that this room does not want judged.
        author: user id of who asked; empty for the configuration.
        created_at: seconds since the epoch.
        evaluated: the room knows whether an alert would go down with the server.
    """

    room_id: str
    server: str
    source: Source
    interval: float | None = None
    deep: bool = False
    ignore: frozenset[str] = frozenset()
    author: str = ""
    created_at: float = 0.0
    evaluated: bool = False

    def asks_the_same_as(self, other: Watch) -> bool:
        """Whether they differ only in who asked when."""
        return (self.interval, self.deep, self.ignore) == (other.interval, other.deep, other.ignore)


@dataclass(frozen=True, slots=True)
class Terms:
    """
    How a server is checked on behalf of all its rooms.

    Attributes:
        payers: user ids of all who asked for it, the first of them first; none where anybody vouches for it. Were it
            one alone, a stranger who watched a server first could spend what others' watch of it needs.
    """

    interval: float
    deep: bool
    ignore: frozenset[str]
    payers: tuple[str, ...] = ()


def terms_of(server: str, watches: Iterable[Watch], settings: WatchSettings) -> Terms | None:
    """
    The shortest interval, deep if anyone asked for it, and left out only what no room wants judged; None if nobody
    watches and it is no canary.
    """
    wishes = tuple(watches)
    intervals = [settings.interval if watch.interval is None else watch.interval for watch in wishes]
    if server in settings.vouchers.checked:
        intervals.append(settings.canary_interval)
    if not intervals:
        return None
    ignored = tuple(ignored_by(wishes).values())
    ignore = frozenset.intersection(*ignored) if ignored else frozenset[str]()
    vouched = server in settings.vouchers.checked or any(map(settings.vouchers.vouch_for, wishes))
    asked = () if vouched else tuple(watch.author for watch in sorted(wishes, key=lambda watch: watch.created_at))
    return Terms(max(settings.shortest, min(intervals)), any(watch.deep for watch in wishes), ignore, asked)


def ignored_by(watches: Iterable[Watch]) -> Mapping[str, frozenset[str]]:
    """Room id to what that room leaves out, of watches of one server; the configuration's word counts if it has one."""
    rooms: dict[str, dict[Source, frozenset[str]]] = defaultdict(dict)
    for watch in watches:
        rooms[watch.room_id][watch.source] = watch.ignore
    return {room_id: own.get("config", own.get("room", frozenset())) for room_id, own in rooms.items()}


def successor(room_id: str, replacements: dict[str, str]) -> str:
    """The last room in a chain of upgrades."""
    passed = {room_id}
    while (following := replacements.get(room_id)) is not None and following not in passed:
        passed.add(following)
        room_id = following
    return room_id
