"""When a watched server's check goes deep: seldom while all is well, always while it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from plugins.foci.model import DEEP_STAGES, Outcome, Report, Stage, StageResult
from plugins.foci.samples import focus_key

DEEP_INTERVAL = 3600.0
"""Seconds between two deep checks of a server that passed the last one."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """The deepest stage of a focus that failed, and when anything last failed there."""

    stage: Stage
    at: float


@dataclass(frozen=True, slots=True)
class _Passed:
    """When a server was last looked at deep, and what fails deep by the foci's health keys."""

    at: float
    failed: Mapping[str, _Failure]


class DeepPace:
    """
    Remembers how the last deep check of each server went; forgotten at a restart, which costs one deep check each.

    Use: ``due`` before a check of a server that is to be watched deep, ``noted`` with its report. While a deep stage
    fails every check is deep: else those in between, which look no further, would pass for a recovery. For the same
    reason ``failing`` says of which foci a check of another server, that is not deep, tells nothing good.
    A failure ends when the stage that failed passes, or when nothing was seen to fail there for two intervals.
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
        last = self._last.get(server)
        before = last.failed if last is not None else {}
        failed = {key: old for key, old in before.items() if 0 <= now - old.at < 2 * DEEP_INTERVAL}
        for focus in report.foci:
            key = focus_key(focus.entry)
            if key is None:
                continue
            after = _failure(failed.pop(key, None), focus.stages, now)
            if after is not None:
                failed[key] = after
        self._last[server] = _Passed(now, failed)

    def failing(self, now: float) -> frozenset[str]:
        """Health keys of the foci that fail deep, as far as was seen lately: who watched them may not any more."""
        self._last = {server: last for server, last in self._last.items() if 0 <= now - last.at < 2 * DEEP_INTERVAL}
        return frozenset(key for last in self._last.values() for key in last.failed)


def _failure(before: _Failure | None, stages: Sequence[StageResult], now: float) -> _Failure | None:
    """What fails deep at a focus after another look at its stages."""
    outcomes = {result.stage: result.outcome for result in stages}
    if before is not None and outcomes.get(before.stage) is Outcome.OK:
        before = None
    deep = [stage for stage in DEEP_STAGES if outcomes.get(stage) is Outcome.FAILED]
    known = [*deep, *([before.stage] if before is not None else [])]
    if not known:
        return None
    at = now if before is None or Outcome.FAILED in outcomes.values() else before.at
    return _Failure(max(known, key=DEEP_STAGES.index), at)
