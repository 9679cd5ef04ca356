"""Sends a notice to rooms that refused the bot, ever more seldom: one refusal must not lose a room for good."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from botkit.matrix.send.content import retry_notice
from botkit.plugin import Rooms
from botkit.storage.outbox import Outbox

FIRST_PAUSE = 3600.0
"""Seconds from a refusal to the first attempt after it; each further one takes twice as long."""

LONGEST_PAUSE = 86_400.0
_LOOK_EVERY = 60.0


@dataclass(frozen=True, slots=True)
class _Turn:
    """When to try a room again, in monotonic seconds, and the pause before that."""

    at: float
    pause: float


class SuspendedRoomRetry:
    """
    Writes a notice to suspended rooms that the bot is still in.

    A room that accepts it is no longer suspended, as with any message; another rejection is not reported. Turns are
    forgotten at a restart, which begins with the first pause.

    Args:
        clock: monotonic seconds.
        now: milliseconds since 1970.
    """

    def __init__(
        self,
        rooms: Rooms,
        outbox: Outbox,
        wake: Callable[[], None],
        *,
        clock: Callable[[], float],
        now: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rooms = rooms
        self._outbox = outbox
        self._wake = wake
        self._clock = clock
        self._now = now
        self._sleep = sleep
        self._turns: dict[str, _Turn] = {}

    async def run(self) -> None:
        """Look every minute until cancelled."""
        while True:
            await self.look()
            await self._sleep(_LOOK_EVERY)

    async def look(self) -> None:
        """Write to the rooms whose turn it is."""
        now = self._clock()
        refusing = self._rooms.joined() & self._rooms.suspended()
        # a room that refuses anew soon after it gave in keeps its pause
        self._turns = {room_id: turn for room_id, turn in self._turns.items() if room_id in refusing or turn.at > now}
        for room_id in sorted(refusing):
            turn = self._turns.get(room_id)
            if turn is None:
                self._turns[room_id] = _Turn(now + FIRST_PAUSE, FIRST_PAUSE)
            elif turn.at <= now:
                await self._try_again(room_id)
                pause = min(2 * turn.pause, LONGEST_PAUSE)
                self._turns[room_id] = _Turn(now + pause, pause)

    async def _try_again(self, room_id: str) -> None:
        # a message waiting for the room serves as the test
        if room_id not in await self._outbox.rooms_waiting():
            await self._outbox.add(retry_notice(room_id, self._now()))
            self._wake()
