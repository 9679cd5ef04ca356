"""When a watched server's check goes deep: seldom while all is well, always while it is not."""

from __future__ import annotations

from plugins.foci.model import DEEP_STAGES, Outcome, Report

DEEP_INTERVAL = 3600.0
"""Seconds between two deep checks of a server that passed the last one."""


class DeepPace:
    """
    Remembers how the last deep check of each server went; forgotten at a restart, which costs one deep check each.

    Use: ``due`` before a check of a server that is to be watched deep, ``noted`` with its report. While a deep stage
    fails every check is deep: else those in between, which look no further, would pass for a recovery.
    """

    def __init__(self) -> None:
        self._last: dict[str, tuple[float, bool]] = {}

    def due(self, server: str, now: float) -> bool:
        """Whether the next check of a server should go deep; ``now`` in seconds."""
        last = self._last.get(server)
        if last is None:
            return True
        at, failed = last
        return failed or not 0 <= now - at < DEEP_INTERVAL

    def noted(self, server: str, now: float, report: Report) -> None:
        """A deep check came to this report."""
        stages = [result for focus in report.foci for result in focus.stages if result.stage in DEEP_STAGES]
        self._last[server] = (now, any(result.outcome is Outcome.FAILED for result in stages))

    def forget(self, server: str) -> None:
        """A server is not watched deep any more."""
        self._last.pop(server, None)
