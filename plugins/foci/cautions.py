"""Rooms of configured watches are warned, once each, where an alert would go down with the server."""

from __future__ import annotations

import logging
from typing import Protocol

from botkit.messages.document import Document
from botkit.plugin import Rooms, RoomUnavailableError
from plugins.foci.alerts.messages import caution_message, caution_of
from plugins.foci.alerts.watches import Watch
from plugins.foci.clock import Clock

log = logging.getLogger(__name__)

_PAUSE = 60.0
"""Seconds between two looks at rooms that the bot was not in, or that could not be asked."""


class WarningStore(Protocol):
    """What knows the watches."""

    async def unevaluated(self) -> tuple[Watch, ...]:
        """Those of which nobody asked yet."""

    async def record_warning(self, watch: Watch, caution: Document | None, now: float) -> None:
        """It was asked; tell the room what came of it, in the same transaction."""


class SharedFateWarnings:
    """
    Asks who is in a room once the bot is: a letter to any other is refused.

    Whoever types ``!foci watch`` is answered at once instead.
    """

    def __init__(self, memory: WarningStore, rooms: Rooms, own_user_id: str, clock: Clock) -> None:
        self._memory = memory
        self._rooms = rooms
        self._own_user_id = own_user_id
        self._clock = clock

    async def run(self) -> None:
        """Until nothing is left to ask. Raises what the memory raises: a supervisor starts this again."""
        while waiting := await self._memory.unevaluated():
            for room_id in sorted({watch.room_id for watch in waiting} & self._rooms.joined()):
                await self._evaluate(room_id, [watch for watch in waiting if watch.room_id == room_id])
            await self._clock.sleep(_PAUSE)

    async def _evaluate(self, room_id: str, watches: list[Watch]) -> None:
        try:
            able = await self._rooms.entitled_members(room_id)
        except RoomUnavailableError as error:
            log.debug("who could act on alerts is asked again later room=%s: %s", room_id, error)
            return
        for watch in watches:
            caution = caution_of(watch.server, self._own_user_id, able)
            if caution:
                log.warning("an alert would go down with its server server=%s room=%s", watch.server, room_id)
            message = caution_message(watch.server, caution) if caution else None
            await self._memory.record_warning(watch, message, self._clock.now())
