"""A clock that hurries, and leaps over hours at a word."""

from __future__ import annotations

import asyncio

from lab.fast_clock import HurriedClock


class LeapingClock(HurriedClock):
    """A `plugins.foci.clock.Clock` for tests in which half a day must pass: whoever sleeps wakes when time is up."""

    def __init__(self, speed: float) -> None:
        super().__init__(speed)
        self._leapt = 0.0
        self._leap = asyncio.Event()

    def now(self) -> float:
        return super().now() + self._leapt

    def passed(self) -> float:
        return super().passed() + self._leapt

    async def sleep(self, seconds: float) -> None:
        end = self.passed() + seconds
        while (left := end - self.passed()) > 0:
            try:
                async with asyncio.timeout(left / self._speed):
                    await self._leap.wait()
            except TimeoutError:
                continue

    def leap(self, seconds: float) -> None:
        """Let so much time pass at once."""
        self._leapt += seconds
        woken, self._leap = self._leap, asyncio.Event()
        woken.set()
