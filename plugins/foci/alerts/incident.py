"""An incident and what each room knows of it: the values; ``lifecycle`` develops them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from plugins.foci.health.events import AlertEvent
from plugins.foci.health.keys import Key, KeyKind
from plugins.foci.serialise import Codec, StoredDocument

UNCLEAR = "unclear "
"""Before the subjects of notices that something cannot be checked."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A reaction: its event id and who reacted."""

    event_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class NotifiedKey:
    """
    One key as a room was notified of it.

    Attributes:
        servers: of the room, as last reported.
        since: when the service went bad, if that was before this key did; seconds since the epoch.
        owed: it got worse while muted; one notification is due when the mute ends.
    """

    servers: tuple[str, ...]
    since: float | None = None
    owed: bool = False


@dataclass(frozen=True, slots=True)
class RoomView:
    """
    What one room knows of an incident.

    Attributes:
        members: the keys that it was notified of: only those that concern its servers.
        told_at: last message that notified, seconds since the epoch.
        posts: how many were made for this room.
    """

    members: Mapping[Key, NotifiedKey]
    told_at: float
    posts: int = 0
    acknowledgements: tuple[Acknowledgement, ...] = ()

    @property
    def servers(self) -> tuple[str, ...]:
        """All that are affected, sorted."""
        return tuple(sorted({server for share in self.members.values() for server in share.servers}))


@dataclass(frozen=True, slots=True)
class Past:
    """
    What is kept of a room in case it receives the incident again.

    Attributes:
        posts: how many were made for it.
        acknowledgements: those that hold on: its message cannot be written to any longer, but is not closed.
        members: the keys that its message speaks of, if that can be closed once the room takes notifications again.
    """

    posts: int = 0
    acknowledgements: tuple[Acknowledgement, ...] = ()
    members: Mapping[Key, NotifiedKey] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Incident:
    """
    Something that is not over yet.

    Attributes:
        subject: what it is about; only one incident of a subject is open at a time.
        opened_at: seconds since the epoch.
        members: health key to its latest event, the first key first.
        rooms: those that were notified, silenced ones included.
        past: those that were notified and do not receive it at present.
        evidence: health key to what was seen of it last, for rooms that are notified later.
    """

    subject: str
    opened_at: float
    members: Mapping[Key, AlertEvent]
    rooms: Mapping[str, RoomView] = field(default_factory=dict)
    past: Mapping[str, Past] = field(default_factory=dict)
    evidence: Mapping[Key, StoredDocument] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Unique among all incidents."""
        return f"{self.subject}@{self.opened_at:.3f}"

    @property
    def standing(self) -> dict[str, Mapping[Key, NotifiedKey]]:
        """Rooms in which a message about it is not closed, to the keys that it speaks of."""
        undelivered = {room_id: past.members for room_id, past in self.past.items() if past.members}
        return {**undelivered, **{room_id: view.members for room_id, view in self.rooms.items()}}

    @property
    def reminds(self) -> bool:
        """Notices need no reminder; certificates have their own days."""
        return not self.is_notice and not any(key.kind is KeyKind.CERTIFICATE for key in self.members)

    @property
    def is_notice(self) -> bool:
        """Whether it says only that something cannot be checked."""
        return self.subject.startswith(UNCLEAR)


CODEC = Codec(Incident)
