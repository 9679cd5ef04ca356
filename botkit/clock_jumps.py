"""Jumps of the machine's clock, so that nothing is deleted because it looks old by a clock that is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable

DAY = 86_400.0


class ClockJumps:
    """
    Holds the time of day against a clock that never jumps, from when it is made.

    A jump before that cannot be distinguished from a pause of the bot. Ask at least every few hours.

    Args:
        now: seconds since the epoch, by the system clock.
        passed: seconds that never jump, from an arbitrary start.
    """

    def __init__(self, now: Callable[[], float], passed: Callable[[], float]) -> None:
        self._now = now
        self._passed = passed
        self._offset = now() - passed()
        self._last = -math.inf

    def lately(self) -> bool:
        """Whether the time of day leapt by more than a day, either way, within the last day."""
        passed = self._passed()
        offset = self._now() - passed
        if abs(offset - self._offset) > DAY:
            self._offset, self._last = offset, passed
        return passed - self._last < DAY
