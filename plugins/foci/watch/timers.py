"""Timers: due reminders, expired silences, retention of history, shared-fate warnings."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection
from typing import Protocol

from botkit.clock_jumps import ClockJumps
from botkit.messages.document import Document
from botkit.plugin import Rooms, RoomUnavailableError
from plugins.foci.alerts.messages import caution_message, caution_of
from plugins.foci.alerts.silences import Silence
from plugins.foci.alerts.watches import Watch
from plugins.foci.clock import Clock

_LONGEST = 60.0
"""Seconds between two looks: a check may have fired meanwhile, and a clock may have been set."""

_SHORTEST = 1.0
_HOUR = 3600.0


class TimerStore(Protocol):
    """What knows of open incidents and silences. Times are seconds since the epoch."""

    async def next_reminder(self) -> float | None:
        """When there is something to remind of; None for never."""

    async def remind(self, now: float) -> None:
        """Do so."""

    async def silences(self) -> tuple[Silence, ...]:
        """Those that hold."""

    async def lift(self, over: Collection[Silence], now: float) -> None:
        """End these, and send what they held back."""

    async def forget(self, now: float) -> None:
        """Delete what is too old."""


class Timers:
    """
    Does what is due, by the time of day as far as that can be taken back.

    A silence that is met lasts for what is left of it then, by a clock that never jumps. Nothing is forgotten within a
    day after a leap.
    """

    def __init__(self, store: TimerStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._leaps = ClockJumps(clock.now, clock.passed)
        self._ends: dict[Silence, float] = {}

    async def run(self) -> None:
        """Until cancelled. Raises what the store raises: a supervisor starts this again."""
        reminded = -math.inf
        while True:
            wait = await self._end_silences()
            now, at = self._clock.now(), await self._store.next_reminder()
            wait = min(wait, _LONGEST if at is None else at - now)
            # now and then in any case: what is old is forgotten then, and a clock that was set back left times ahead
            if (at is not None and at <= now) or not 0 <= now - reminded < _HOUR:
                await self._store.remind(now)
                if not self._leaps.lately():
                    await self._store.forget(now)
                reminded, wait = now, _SHORTEST
            await self._clock.sleep(min(max(wait, _SHORTEST), _LONGEST))

    async def _end_silences(self) -> float:
        """End those whose time is up; seconds until the next one's is."""
        now, passed = self._clock.now(), self._clock.passed()
        known = self._ends
        self._ends = {one: known.get(one, passed + one.until - now) for one in await self._store.silences()}
        over = [one for one, end in self._ends.items() if end <= passed]
        if over:
            await self._store.lift(over, now)
        return min((end - passed for end in self._ends.values() if end > passed), default=math.inf)


log = logging.getLogger(__name__)

_PAUSE = 60.0
"""Seconds between two looks at rooms that the bot was not in, or that could not be asked."""


class WarningStore(Protocol):
    """What knows the watches."""

    async def unevaluated(self) -> tuple[Watch, ...]:
        """Those not evaluated yet."""

    async def record_warning(self, watch: Watch, caution: Document | None, now: float) -> None:
        """Record the evaluation and send the warning, in one transaction."""


class SharedFateWarnings:
    """
    Asks who is in a room once the bot is: a notification to any other is refused.

    ``!foci watch`` gives the warning in its answer instead.
    """

    def __init__(self, store: WarningStore, rooms: Rooms, own_user_id: str, clock: Clock) -> None:
        self._store = store
        self._rooms = rooms
        self._own_user_id = own_user_id
        self._clock = clock

    async def run(self) -> None:
        """Until nothing is left to ask. Raises what the store raises: a supervisor starts this again."""
        while await self._is_waiting():
            await self._clock.sleep(_PAUSE)

    async def _is_waiting(self) -> bool:
        """Ask where the bot is now; whether anything was left to ask. A method, so that no watch is held meanwhile."""
        waiting = await self._store.unevaluated()
        for room_id in sorted({watch.room_id for watch in waiting} & self._rooms.joined()):
            await self._evaluate(room_id, [watch for watch in waiting if watch.room_id == room_id])
        return bool(waiting)

    async def _evaluate(self, room_id: str, watches: list[Watch]) -> None:
        try:
            able = await self._rooms.entitled_members(room_id)
        except RoomUnavailableError as error:
            log.debug("room members unavailable, retrying later room=%s: %s", room_id, error)
            return
        for watch in watches:
            caution = caution_of(watch.server, self._own_user_id, able)
            if caution:
                log.warning(
                    "alerts about this server cannot be sent or read while it is down server=%s room=%s",
                    watch.server,
                    room_id,
                )
            message = caution_message(watch.server, caution) if caution else None
            await self._store.record_warning(watch, message, self._clock.now())
