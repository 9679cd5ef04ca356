"""When a watched server's check goes deep: seldom while all is well, always while it is not."""

from __future__ import annotations

from dataclasses import dataclass

from plugins.foci.model import DEEP_STAGES, Outcome, Report
from plugins.foci.samples import focus_key

DEEP_INTERVAL = 3600.0
"""Seconds between two deep checks of a server that passed the last one."""


@dataclass(frozen=True, slots=True)
class _Passed:
    """When a server was last looked at deep, and the health keys of the foci that failed a deep stage."""

    at: float
    failed: frozenset[str]


class DeepPace:
    """
    Remembers how the last deep check of each server went; forgotten at a restart, which costs one deep check each.

    Use: ``due`` before a check of a server that is to be watched deep, ``noted`` with its report. While a deep stage
    fails every check is deep: else those in between, which look no further, would pass for a recovery. For the same
    reason ``failing`` says of which foci a check of another server, that is not deep, tells nothing good.
    """

    def __init__(self) -> None:
        self._last: dict[str, _Passed] = {}

    def due(self, server: str, now: float) -> bool:
        """Whether the next check of a server should go deep; ``now`` in seconds."""
        last = self._last.get(server)
        if last is None:
            return True
        return bool(last.failed) or not 0 <= now - last.at < DEEP_INTERVAL

    def noted(self, server: str, now: float, report: Report) -> None:
        """A deep check came to this report."""
        failed = {
            key
            for focus in report.foci
            if any(one.stage in DEEP_STAGES and one.outcome is Outcome.FAILED for one in focus.stages)
            and (key := focus_key(focus.entry)) is not None
        }
        self._last[server] = _Passed(now, frozenset(failed))

    def failing(self, now: float) -> frozenset[str]:
        """Health keys of the foci that fail deep, as far as was seen lately: who watched them may not any more."""
        self._last = {server: last for server, last in self._last.items() if 0 <= now - last.at < 2 * DEEP_INTERVAL}
        return frozenset(key for last in self._last.values() for key in last.failed)
