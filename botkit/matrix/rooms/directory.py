"""Rooms as the homeserver knows them: members, power levels, state, encryption."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from typing import Any

from botkit.matrix.client import Answer, HomeserverClient, UnreachableError, path
from botkit.permissions import power_level
from botkit.plugin import RoomClosedError, RoomUnavailableError
from botkit.storage.rooms import RoomNotes

log = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[None]]


class RoomDirectory:
    """Questions about rooms, always answered from raw state (``botkit.plugin.Rooms``)."""

    def __init__(self, homeserver: HomeserverClient) -> None:
        self._homeserver = homeserver

    async def members(self, room_id: str) -> tuple[str, ...]:
        """User ids of everyone joined, sorted. Raises RoomUnavailableError."""
        answer = await self._get(path("rooms", room_id, "joined_members"))
        joined = answer.body.get("joined")
        return tuple(sorted(joined)) if isinstance(joined, dict) else ()

    async def power_level(self, room_id: str, user_id: str) -> float:
        """The user's power, infinite for creators from room version 12 on. Raises RoomUnavailableError."""
        return (await self.powers(room_id))(user_id)

    async def powers(self, room_id: str) -> Callable[[str], float]:
        """The power levels of all users, as ``power_level``. Raises RoomUnavailableError."""
        create = await self.state_event(room_id, "m.room.create") or {}
        content, sender = create.get("content"), create.get("sender")
        levels = await self.state(room_id, "m.room.power_levels")
        return partial(
            power_level,
            create=content if isinstance(content, Mapping) else {},
            create_sender=sender if isinstance(sender, str) else "",
            power_levels=levels,
        )

    async def state(self, room_id: str, kind: str) -> Mapping[str, Any] | None:
        """Content of a state event, None when the room has none. Raises RoomUnavailableError."""
        answer = await self._ask(path("rooms", room_id, "state", kind, ""))
        if answer.status == 404 and answer.errcode == "M_NOT_FOUND":
            return None
        return self._checked(answer).body

    async def author(self, room_id: str, event_id: str) -> str | None:
        """Who wrote an event, None when it is not to be found. Raises RoomUnavailableError."""
        answer = await self._ask(path("rooms", room_id, "event", event_id))
        if answer.temporary:
            raise RoomUnavailableError(answer.describe())
        sender = answer.body.get("sender") if answer.ok else None
        return sender if isinstance(sender, str) else None

    async def state_event(self, room_id: str, kind: str) -> Mapping[str, Any] | None:
        """A state event with its sender, None when the room has none. Raises RoomUnavailableError."""
        where = path("rooms", room_id, "state", kind, "")
        answer = await self._ask(where, query={"format": "event"})
        if answer.status == 404 and answer.errcode == "M_NOT_FOUND":
            return None
        event = self._checked(answer).body
        if "sender" in event and "content" in event:
            return event
        # servers that do not know format=event (specified in 1.16) send the content alone
        events = await self._whole_state(room_id)
        return next((event for event in events if event.get("type") == kind and event.get("state_key") == ""), None)

    async def _whole_state(self, room_id: str) -> Collection[Mapping[str, Any]]:
        answer = await self._get(path("rooms", room_id, "state"))
        events = answer.body.get("chunk")
        return events if isinstance(events, list) else ()

    async def _get(self, where: str) -> Answer:
        return self._checked(await self._ask(where))

    async def _ask(self, where: str, query: Mapping[str, str] | None = None) -> Answer:
        try:
            return await self._homeserver.request("GET", where, query=query)
        except UnreachableError as error:
            raise RoomUnavailableError(str(error)) from error

    @staticmethod
    def _checked(answer: Answer) -> Answer:
        if answer.errcode in ("M_FORBIDDEN", "M_NOT_FOUND"):
            raise RoomClosedError(answer.describe())
        if not answer.ok:
            raise RoomUnavailableError(answer.describe())
        return answer


class EncryptedRooms:
    """
    Which rooms are encrypted. Once a room was seen encrypted it stays so, in the database too; nothing is
    called clear unless the homeserver said so in this process.
    """

    def __init__(self, rooms: RoomDirectory, notes: RoomNotes) -> None:
        self._rooms = rooms
        self._notes = notes
        self._encrypted: set[str] = set()
        self._clear: set[str] = set()

    async def load(self) -> None:
        """Remember what earlier runs saw."""
        self._encrypted |= await self._notes.encrypted()

    async def mark(self, room_ids: Collection[str]) -> None:
        """These rooms have ``m.room.encryption`` in their state."""
        new = set(room_ids) - self._encrypted
        self._encrypted |= new
        self._clear -= new
        if new:
            await self._notes.set_encrypted(new)

    async def __call__(self, room_id: str) -> bool:
        """Whether the room is encrypted. Raises RoomUnavailableError while that is not known."""
        if room_id in self._encrypted:
            return True
        if room_id in self._clear:
            return False
        if await self._rooms.state(room_id, "m.room.encryption") is not None:
            await self.mark([room_id])
            return True
        # meanwhile the sync may have brought the opposite
        if room_id not in self._encrypted:
            self._clear.add(room_id)
        return room_id in self._encrypted

    def forget(self, room_id: str) -> None:
        """The bot has left the room."""
        self._encrypted.discard(room_id)
        self._clear.discard(room_id)
