"""Time that passes only when nothing is left to do: hours of waiting in moments, in an order that repeats."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class _Leaper(selectors.DefaultSelector):
    """Where the loop would wait for its next timer, time leaps there."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0
        self.held = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or self.held:
            return super().select(timeout)
        ready = super().select(0)
        if not ready:
            self.passed += max(0.0, timeout)
        return ready


class SimulatedLoop(asyncio.SelectorEventLoop):
    """
    An event loop with a time of its own, from 0 on.

    What other threads or sockets do takes no time here; ``held`` lets the loop wait for it.
    """

    def __init__(self) -> None:
        self._leaper = _Leaper()
        super().__init__(self._leaper)

    def time(self) -> float:
        """Seconds since the start of the simulation."""
        return self._leaper.passed

    @contextmanager
    def held(self) -> Iterator[None]:
        """Time stands still meanwhile, for work of other threads such as a database's."""
        self._leaper.held += 1
        try:
            yield
        finally:
            self._leaper.held -= 1


class SimulatedClock:
    """
    A `plugins.foci.clock.Clock` by the running loop; only the time of day can be set.

    Attributes:
        offset: the time of day at loop time 0, seconds since the epoch.
    """

    def __init__(self, offset: float = 1_800_000_000.0) -> None:
        self.offset = offset

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.offset + self.passed()

    def passed(self) -> float:
        """Seconds that never jump."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Wait as long."""
        await asyncio.sleep(seconds)


def simulate(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Run to the end in simulated time."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(work)
