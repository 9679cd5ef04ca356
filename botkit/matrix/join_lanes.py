"""Turns to join rooms: few at once, and fewer for those whom the same server invites us to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

_AT_ONCE = 16
_AT_ONCE_PER_SERVER = 2


@dataclass(slots=True, weakref_slot=True)
class ServerJoins:
    """
    Joins through one server.

    Attributes:
        silent_until: monotonic seconds; no join of this lane is asked for before.
    """

    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE_PER_SERVER))
    silent_until: float = 0.0


class JoinLimiter:
    """
    A lane for each inviting server.

    The server behind an invitation can let a join hang, and the homeserver passes on its 429, so both may
    hold up its own lane only.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._clock = clock
        self._sleep = sleep
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._limiter: WeakValueDictionary[str, ServerJoins] = WeakValueDictionary()

    def queue(self, server: str) -> ServerJoins:
        """The server's lane, remembered for as long as somebody holds it."""
        queue = self._limiter.get(server)
        if queue is None:
            queue = self._limiter[server] = ServerJoins()
        return queue

    @asynccontextmanager
    async def turn(self, queue: ServerJoins) -> AsyncIterator[None]:
        """Wait until a join may be asked for, and hold the turn for as long as the block takes."""
        async with queue.turns:
            while (rest := queue.silent_until - self._clock()) > 0:
                await self._sleep(rest)
            async with self._turns:
                yield

    def silence(self, queue: ServerJoins, seconds: float) -> None:
        """Ask for nothing in this lane for so long."""
        queue.silent_until = max(queue.silent_until, self._clock() + seconds)
