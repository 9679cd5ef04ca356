"""Reminders, ends of silences and oblivion: what is due when nothing happens but time."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Protocol

from botkit.clock_jumps import ClockJumps
from plugins.foci.alerts.receivers import Silence
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

    async def lift(self, over: Collection[Silence], now: float) -> bool:
        """End these, and tell what they kept back."""

    async def forget(self, now: float) -> None:
        """Delete what is too old."""


class Timers:
    """
    Does what is due, by the time of day as far as that can be taken back.

    A silence that is met lasts for what is left of it then, by a clock that never jumps. Nothing is forgotten within a
    day after a leap.
    """

    def __init__(self, memory: TimerStore, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock
        self._leaps = ClockJumps(clock.now, clock.passed)
        self._ends: dict[Silence, float] = {}

    async def run(self) -> None:
        """Until cancelled. Raises what the memory raises: a supervisor starts this again."""
        reminded = -math.inf
        while True:
            wait = await self._end_silences()
            now, at = self._clock.now(), await self._memory.next_reminder()
            wait = min(wait, _LONGEST if at is None else at - now)
            # now and then in any case: what is old is forgotten then, and a clock that was set back left times ahead
            if (at is not None and at <= now) or not 0 <= now - reminded < _HOUR:
                await self._memory.remind(now)
                if not self._leaps.lately():
                    await self._memory.forget(now)
                reminded, wait = now, _SHORTEST
            await self._clock.sleep(min(max(wait, _SHORTEST), _LONGEST))

    async def _end_silences(self) -> float:
        """End those whose time is up; seconds until the next one's is."""
        now, passed = self._clock.now(), self._clock.passed()
        known = self._ends
        self._ends = {one: known.get(one, passed + one.until - now) for one in await self._memory.silences()}
        over = [one for one, end in self._ends.items() if end <= passed]
        if over:
            await self._memory.lift(over, now)
        return min((end - passed for end in self._ends.values() if end > passed), default=math.inf)
