"""Deletes old rows of the host's own tables, but not by a clock that has just jumped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from botkit.clock_jumps import ClockJumps
from botkit.storage.hook_queue import HookQueue
from botkit.storage.inbox import Inbox
from botkit.storage.outbox import Outbox

LETTERS_KEPT_FOR_MS = 400 * 86_400_000
"""How long edits and replies can refer to a notification, and reactions to it count."""

KEPT_FOR_MS = 7 * 86_400_000
"""How long sent messages are kept; transaction ids are good for a day on the homeserver."""

COMMANDS_KEPT_FOR_MS = 86_400_000
"""How long it is known that a command was answered; older ones than ``commands.max_age`` are none anyway."""

_EVERY = 3600.0
"""Seconds between two rounds, and before the first: a machine that has just started may not know the time yet."""


class Retention:
    """
    Deletes what is too old, for as long as it runs.

    Args:
        now: milliseconds since 1970.
        passed: seconds that never jump.
        sleep: waits as long by ``passed``.
        commands_age: seconds after which a command is too old to be answered.
    """

    def __init__(
        self,
        inbox: Inbox,
        outbox: Outbox,
        calls: HookQueue,
        now: Callable[[], int],
        passed: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        commands_age: float = 0.0,
    ) -> None:
        self._commands_kept = max(COMMANDS_KEPT_FOR_MS, round(2000 * commands_age))
        self._inbox = inbox
        self._outbox = outbox
        self._hook_queue = calls
        self._now = now
        self._sleep = sleep
        self._leaps = ClockJumps(lambda: now() / 1000, passed)

    async def run(self) -> None:
        """Until cancelled. Raises StorageError."""
        while True:
            await self._sleep(_EVERY)
            if self._leaps.lately():
                continue
            now = self._now()
            await self._inbox.prune(now - self._commands_kept)
            await self._outbox.prune(now - KEPT_FOR_MS)
            await self._hook_queue.prune(now - LETTERS_KEPT_FOR_MS)
