"""Where the bot is and where it may speak, and what plugins may ask about rooms."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from botkit.matrix.rooms import RoomDirectory
from botkit.permissions import entitled


@dataclass(slots=True)
class Whereabouts:
    """
    The rooms of the moment.

    Attributes:
        joined: rooms the bot is in.
        suspended: rooms that refused it or put it out.
    """

    joined: set[str] = field(default_factory=set)
    suspended: set[str] = field(default_factory=set)


class RoomBook:
    """
    ``botkit.plugin.Rooms``.

    Args:
        admins: user ids who may do everything everywhere.
    """

    def __init__(self, directory: RoomDirectory, whereabouts: Whereabouts, admins: Collection[str]) -> None:
        self._directory = directory
        self._whereabouts = whereabouts
        self._admins = frozenset(admins)

    async def members(self, room_id: str) -> tuple[str, ...]:
        """User ids of everyone joined, sorted. Raises RoomUnavailableError."""
        return await self._directory.members(room_id)

    async def power_level(self, room_id: str, user_id: str) -> float:
        """The user's power, infinite for creators from room version 12 on. Raises RoomUnavailableError."""
        return await self._directory.power_level(room_id, user_id)

    async def entitled(self, room_id: str, user_id: str) -> bool:
        """Whether somebody may change what the bot does in a room. Raises RoomUnavailableError."""
        if user_id in self._admins:
            return True
        return entitled(user_id, self._admins, await self._directory.power_level(room_id, user_id))

    def joined(self) -> frozenset[str]:
        """The rooms the bot is in."""
        return frozenset(self._whereabouts.joined)

    def suspended(self) -> frozenset[str]:
        """Rooms that refused the bot or put it out."""
        return frozenset(self._whereabouts.suspended)
