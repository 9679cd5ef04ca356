"""The time as the schedule needs it: of day, and passing."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks: one that people set, and one that only runs."""

    def now(self) -> float:
        """Seconds since the epoch; may jump."""

    def passed(self) -> float:
        """Seconds that never jump, from an arbitrary start."""

    async def sleep(self, seconds: float) -> None:
        """Wait as long by ``passed``."""


class SystemClock:
    """The machine's own."""

    def now(self) -> float:
        """See `Clock`."""
        return time.time()

    def passed(self) -> float:
        """See `Clock`."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See `Clock`."""
        await asyncio.sleep(seconds)
