"""Reminders and ends of silences: what is told when nothing happens but time."""

from __future__ import annotations

import math
from typing import Protocol

from plugins.foci.clock import Clock

_LONGEST = 60.0
"""Seconds between two looks: a check may have fired meanwhile, and a clock may have been set."""

_SHORTEST = 1.0
_HOUR = 3600.0


class Memory(Protocol):
    """What knows of open incidents and silences."""

    async def next_reminder(self) -> float | None:
        """When there is something to tell, seconds since the epoch; None for never."""

    async def remind(self, now: float) -> None:
        """Tell it."""


class Reminders:
    """Calls ``remind`` when it is time."""

    def __init__(self, memory: Memory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled. Raises what the memory raises: a supervisor starts this again."""
        reminded = -math.inf
        while True:
            now, at = self._clock.now(), await self._memory.next_reminder()
            wait = _LONGEST if at is None else at - now
            # now and then in any case: what is old is forgotten then, and a clock that was set back left times ahead
            if wait <= 0 or not 0 <= now - reminded < _HOUR:
                await self._memory.remind(now)
                reminded, wait = now, _SHORTEST
            await self._clock.sleep(min(max(wait, _SHORTEST), _LONGEST))
