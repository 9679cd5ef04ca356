"""Which rooms the bot is in and which accept its messages, and what plugins may ask about rooms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from botkit.matrix.rooms.directory import RoomDirectory
from botkit.permissions import entitled
from botkit.storage.rooms import RoomStore


@dataclass(slots=True)
class Membership:
    """
    The rooms of the moment.

    Attributes:
        joined: rooms the bot is in.
        suspended: rooms that refused it or put it out.
    """

    joined: set[str] = field(default_factory=set)
    suspended: set[str] = field(default_factory=set)


class RoomAcceptance:
    """
    Tracks which rooms accept the bot's messages.

    Args:
        told: called when plugins are to be notified.
    """

    def __init__(self, room_store: RoomStore, membership: Membership, told: Callable[[], None]) -> None:
        self._room_store = room_store
        self._membership = membership
        self._told = told

    async def refused(self, room_id: str, reason: str) -> None:
        """The room does not take a message; ``reason`` in a few words."""
        await self._room_store.suspend(room_id, reason)
        self._membership.suspended.add(room_id)
        self._told()

    async def accepted(self, room_id: str, *, awaited: bool = False) -> None:
        """
        The room accepted a message; it is no longer suspended.

        Args:
            awaited: reactions to it came first.
        """
        suspended = room_id in self._membership.suspended
        if suspended:
            await self._room_store.relieve(room_id)
            self._membership.suspended.discard(room_id)
        if suspended or awaited:
            self._told()


class RoomQueries:
    """
    ``botkit.plugin.Rooms``.

    Args:
        admins: user ids who may do everything everywhere.
    """

    def __init__(self, directory: RoomDirectory, membership: Membership, admins: Collection[str]) -> None:
        self._directory = directory
        self._membership = membership
        self._admins = frozenset(admins)

    async def members(self, room_id: str) -> tuple[str, ...]:
        """User ids of everyone joined, sorted. Raises RoomUnavailableError."""
        return await self._directory.members(room_id)

    async def power_level(self, room_id: str, user_id: str) -> float:
        """The user's power, infinite for creators from room version 12 on. Raises RoomUnavailableError."""
        return await self._directory.power_level(room_id, user_id)

    def is_admin(self, user_id: str) -> bool:
        """Whether the configuration names a user under ``admins``."""
        return user_id in self._admins

    async def entitled(self, room_id: str, user_id: str) -> bool:
        """Whether a user may change what the bot does in a room. Raises RoomUnavailableError."""
        if user_id in self._admins:
            return True
        return entitled(user_id, self._admins, await self._directory.power_level(room_id, user_id))

    async def entitled_members(self, room_id: str) -> tuple[str, ...]:
        """Those in a room who may change what the bot does there, sorted. Raises RoomUnavailableError."""
        members = await self._directory.members(room_id)
        power = await self._directory.powers(room_id)
        # members may be very many
        return await asyncio.to_thread(_entitled_among, members, self._admins, power)

    def joined(self) -> frozenset[str]:
        """The rooms the bot is in."""
        return frozenset(self._membership.joined)

    def suspended(self) -> frozenset[str]:
        """Rooms that refused the bot or put it out."""
        return frozenset(self._membership.suspended)


def _entitled_among(members: Collection[str], admins: frozenset[str], power: Callable[[str], float]) -> tuple[str, ...]:
    return tuple(user for user in members if entitled(user, admins, power(user)))
