"""The host's own health, for ``!foci status`` and the metrics."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from importlib.metadata import version

from botkit.matrix.rooms.membership import Membership
from botkit.matrix.sync.handler import SyncHandler
from botkit.matrix.sync.loop import SyncLoop
from botkit.metrics import Vitals
from botkit.storage.database import Database
from botkit.storage.inbox import Inbox
from botkit.storage.outbox import Outbox


class StatusBoard:
    """
    ``botkit.plugin.HostStatus``; ``refresh`` reads what only the database knows.

    Args:
        clock: monotonic seconds.
    """

    def __init__(
        self,
        database: Database,
        inbox: Inbox,
        outbox: Outbox,
        membership: Membership,
        clock: Callable[[], float],
    ) -> None:
        self._database = database
        self._inbox = inbox
        self._outbox = outbox
        self._membership = membership
        self._clock = clock
        self._started = clock()
        self._sync: SyncLoop | None = None
        self._handler: SyncHandler | None = None
        self._undelivered: int | None = None
        self._backlog: int | None = None

    def watch(self, sync: SyncLoop, handler: SyncHandler) -> None:
        """Where news of the homeserver come from, once that is running."""
        self._sync = sync
        self._handler = handler

    async def refresh(self) -> None:
        """Count again. Raises StorageError; then the counts are unknown."""
        undelivered = backlog = None
        try:
            undelivered, backlog = await self._outbox.undelivered(), await self._inbox.backlog()
        finally:
            self._undelivered, self._backlog = undelivered, backlog

    def vitals(self) -> Vitals:
        """The same as figures, as of the last ``refresh``."""
        return Vitals(
            sync_age=self.sync_age(),
            rooms=len(self._membership.joined),
            undelivered=self._undelivered,
            backlog=self._backlog,
            uptime=self._clock() - self._started,
            deliveries=self._outbox.deliveries,
        )

    def sync_age(self) -> float | None:
        """Seconds since the last successful sync; None before the first."""
        last = self._sync.last_success if self._sync else None
        return None if last is None else self._clock() - last

    def lines(self) -> Sequence[tuple[str, str]]:
        """Name and value pairs that anybody may read."""
        age = self.sync_age()
        lag = self._handler.lag if self._handler else None
        return (
            ("last sync", "never" if age is None else f"{age:.0f} s ago"),
            ("sync lag", "unknown" if lag is None else f"{lag:.1f} s"),
            ("database", self._database.backend),
            ("uptime", _span(self._clock() - self._started)),
            ("versions", f"Python {platform.python_version()}, matrix-nio {version('matrix-nio')}"),
        )

    def totals(self) -> Sequence[tuple[str, str]]:
        """What the bot does for all rooms together, for its admins."""
        refusing = len(self._membership.suspended)
        return (
            ("rooms", str(len(self._membership.joined))),
            *((("rooms that reject the bot's messages", str(refusing)),) if refusing else ()),
            ("undelivered messages", _count(self._undelivered)),
            ("commands waiting", _count(self._backlog)),
        )


def _count(number: int | None) -> str:
    return "unknown" if number is None else str(number)


def _span(seconds: float) -> str:
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if days:
        return f"{days} d {hours % 24} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
