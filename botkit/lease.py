"""The right to speak, which runs out unless it is renewed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class LeaseExpiredError(Exception):
    """The right to speak ran out; whatever was being said may have arrived."""


class Lease:
    """
    Holds from ``begin`` to ``until``, monotonic seconds of the running event loop; for ever unless limited.

    Args:
        clock: that of the event loop.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begin = float("-inf")
        self._until: float | None = None
        self._under_way: set[asyncio.Timeout] = set()

    @property
    def held(self) -> bool:
        """Whether one may speak now."""
        return self._begin <= self._clock() and (self._until is None or self._clock() < self._until)

    def limit(self, begin: float, until: float) -> None:
        """It holds between these, and is to be renewed."""
        self._begin = begin
        self.renew(until)

    def renew(self, until: float) -> None:
        """It holds until then, for what is under way too."""
        self._until = until
        for timeout in self._under_way:
            if timeout.when() is not None and not timeout.expired():
                timeout.reschedule(until)

    @asynccontextmanager
    async def speaking(self) -> AsyncIterator[None]:
        """
        Runs the block while it holds, and cancels it when it runs out.

        Raises:
            LeaseExpiredError: it ran out, or does not hold.
        """
        if not self.held:
            raise LeaseExpiredError
        try:
            async with asyncio.timeout_at(self._until) as timeout:
                self._under_way.add(timeout)
                try:
                    yield
                finally:
                    self._under_way.discard(timeout)
        except TimeoutError:
            if not timeout.expired():
                raise
            raise LeaseExpiredError from None
