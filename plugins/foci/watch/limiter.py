"""Limits concurrent checks, so that servers that never answer hold up no others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from plugins.foci.clock import Clock

SLOW = 5.0
"""Seconds after which a check counts as slow by default: far longer than most answers, and shorter than a time-out."""


class ConcurrencyLimiter:
    """
    Half of the places are for all servers, an eighth more for those whose last check was slow.

    A check that turns out slow in a place for all gives it back and continues without one. So a server that
    swallows everything holds a place of the others for ``slow`` seconds once, not at every check.

    Args:
        requests: how many requests to strangers may be under way at once. A check makes about a dozen in its busiest
            moment, and half a dozen that time out are what a slow one holds for long.
        slow: seconds after which a check is; less than a request may take.
    """

    def __init__(self, requests: int, clock: Clock, slow: float = SLOW) -> None:
        self._for_all = asyncio.Semaphore(max(2, requests // 2))
        self._for_slow = asyncio.Semaphore(max(1, requests // 8))
        self._clock = clock
        self._slow_after = slow
        self._slow: set[str] = set()

    @asynccontextmanager
    async def place(self, server: str) -> AsyncIterator[None]:
        """Wait for a place, in the order of asking, and hold it as said above."""
        place = _Place(self._for_slow if server in self._slow else self._for_all)
        await place.queue.acquire()
        started = self._clock.passed()
        timer = asyncio.ensure_future(self._give_back_when_slow(place)) if place.queue is self._for_all else None
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()
            place.leave()
            if self._clock.passed() - started >= self._slow_after:
                self._slow.add(server)
            else:
                self._slow.discard(server)

    def forget(self, server: str) -> None:
        """It is no longer watched."""
        self._slow.discard(server)

    async def _give_back_when_slow(self, place: _Place) -> None:
        await self._clock.sleep(self._slow_after)
        place.leave()


@dataclass(slots=True)
class _Place:
    """A place that is given back exactly once."""

    queue: asyncio.Semaphore
    held: bool = True

    def leave(self) -> None:
        if self.held:
            self.held = False
            self.queue.release()
