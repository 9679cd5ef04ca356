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
    A wide lane, and a narrow one for servers whose last check was slow.

    A check that turns out slow in the wide lane gives its place back and continues without one. So a server that
    swallows everything holds a place of the others for ``slow`` seconds once, not at every check.

    Args:
        requests: how many requests to strangers may be under way at once. A check makes about a dozen in its busiest
            moment, and half a dozen that time out are what a slow one holds for long.
        slow: seconds after which a check is; less than a request may take.
    """

    def __init__(self, requests: int, clock: Clock, slow: float = SLOW) -> None:
        self._wide = asyncio.Semaphore(max(2, requests // 2))
        self._narrow = asyncio.Semaphore(max(1, requests // 8))
        self._clock = clock
        self._patience = slow
        self._slow: set[str] = set()

    @asynccontextmanager
    async def place(self, server: str) -> AsyncIterator[None]:
        """Wait for a place, in the order of asking, and hold it as said above."""
        seat = _Seat(self._narrow if server in self._slow else self._wide)
        await seat.queue.acquire()
        started = self._clock.passed()
        timer = asyncio.ensure_future(self._ejected(seat)) if seat.queue is self._wide else None
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()
            seat.leave()
            if self._clock.passed() - started >= self._patience:
                self._slow.add(server)
            else:
                self._slow.discard(server)

    def forget(self, server: str) -> None:
        """It is no longer watched."""
        self._slow.discard(server)

    async def _ejected(self, seat: _Seat) -> None:
        await self._clock.sleep(self._patience)
        seat.leave()


@dataclass(slots=True)
class _Seat:
    """A place that is given back exactly once."""

    queue: asyncio.Semaphore
    held: bool = True

    def leave(self) -> None:
        if self.held:
            self.held = False
            self.queue.release()
