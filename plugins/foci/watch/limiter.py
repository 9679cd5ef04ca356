"""Limits concurrent checks, so that servers that never answer hold up no others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from plugins.foci.clock import Clock

_LOOK = 1.0
"""Seconds between two looks at how late the event loop is."""

_LATE = 0.1
"""Seconds by which a timer is late when what rooms ask for waits noticeably as well."""

SLOW = 5.0
"""Seconds after which a check counts as slow by default: far longer than most answers, and shorter than a time-out."""


class ConcurrencyLimiter:
    """
    Half of the places are for all servers, an eighth more for those whose last check was slow.

    A check that turns out slow in a place for all gives it back and continues without one. So a server that
    swallows everything holds a place of the others for ``slow`` seconds once, not at every check.

    What rooms ask for runs in the same event loop: while that is late, half as many checks run, and half of that, down
    to an eighth of all.

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
        self._all = max(2, requests // 2) + max(1, requests // 8)
        self._fewest = max(1, self._all // 8)
        self._most = self._all
        self._running = 0
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled: look how late the event loop is, and act on it."""
        while True:
            begun = self._clock.passed()
            await self._clock.sleep(_LOOK)
            self.adapt(self._clock.passed() - begun - _LOOK)

    def adapt(self, late: float) -> None:
        """The event loop was so many seconds late: fewer checks at once from now on, or a few more again."""
        if late > _LATE:
            self._most = max(self._fewest, min(self._most, self._running) // 2)
        else:
            self._most = min(self._all, self._most + 1)
            self._changed.set()

    @asynccontextmanager
    async def place(self, server: str) -> AsyncIterator[None]:
        """Wait for a place, in the order of asking, and hold it as said above."""
        queue = self._for_slow if server in self._slow else self._for_all
        await queue.acquire()
        try:
            await self._until_it_may_begin()
        except asyncio.CancelledError:
            queue.release()
            raise
        self._running += 1
        place = _Place(queue, self._left)
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

    async def _until_it_may_begin(self) -> None:
        while self._running >= self._most:
            self._changed.clear()
            await self._changed.wait()

    def _left(self) -> None:
        self._running -= 1
        self._changed.set()

    async def _give_back_when_slow(self, place: _Place) -> None:
        await self._clock.sleep(self._slow_after)
        place.leave()


@dataclass(slots=True)
class _Place:
    """A place that is given back exactly once."""

    queue: asyncio.Semaphore
    left: Callable[[], None]
    held: bool = True

    def leave(self) -> None:
        if self.held:
            self.held = False
            self.queue.release()
            self.left()
