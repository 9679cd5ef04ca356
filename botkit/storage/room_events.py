"""What happens in rooms and is kept: joins, departures, tombstones, reactions, redactions. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Annotation:
    """A reaction (``m.annotation``) to the event ``target``, before it is known whose event that is."""

    room_id: str
    event_id: str
    target: str
    sender: str
    key: str


@dataclass(frozen=True, slots=True)
class Redaction:
    """An event was redacted."""

    room_id: str
    event_id: str


@dataclass(frozen=True, slots=True)
class Joined:
    """The bot came into a room, by the event ``event_id`` if it was seen."""

    room_id: str
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class Departure:
    """The bot is no longer in a room: ``reason`` in a few words, or None if it left of its own accord."""

    room_id: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A room is said to be replaced by another, to be found by the server ``via``."""

    room_id: str
    event_id: str
    replacement: str
    via: str


@dataclass(slots=True)
class RoomChanges:
    """
    What a sync answer says about rooms and notifications, in its order.

    Attributes:
        relieved: rooms whose rules changed, so that a suspended one may take messages again.
    """

    entries: list[Joined] = field(default_factory=list)
    losses: list[Departure] = field(default_factory=list)
    relieved: list[str] = field(default_factory=list)
    tombstones: list[Tombstone] = field(default_factory=list)
    reactions: list[Annotation | Redaction] = field(default_factory=list)
