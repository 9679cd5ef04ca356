"""Clocks that only tests move."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress


class Clock:
    """Monotonic seconds under the test's control."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class OverError(Exception):
    """The time that a `SetClock` was given is over."""


class SetClock:
    """
    A `plugins.foci.clock.Clock` whose sleeps take no time, and whose time of day a test sets.

    Args:
        grain: seconds that every sleep takes at least: whoever looks each minute for days takes too many looks.

    Attributes:
        wrong_by: seconds by which the time of day is ahead of the truth.
    """

    def __init__(self, start: float, grain: float = 0.0) -> None:
        self._grain = grain
        self.wrong_by = 0.0
        self._start = start
        self._passed = 0.0
        self._until = 0.0

    def now(self) -> float:
        return self._start + self._passed + self.wrong_by

    def passed(self) -> float:
        return self._passed

    async def sleep(self, seconds: float) -> None:
        seconds = max(seconds, self._grain)
        if self._passed + seconds > self._until:
            self._passed = self._until
            raise OverError
        self._passed += seconds

    async def during(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Let somebody who sleeps now and then work for so long."""
        self._until = self._passed + seconds
        with suppress(OverError):
            await work()
