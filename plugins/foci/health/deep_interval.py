"""
When a watched server's check goes deep: seldom while all is well, always while it is not.

While a deep stage fails every check is deep, and one that is not proves no recovery of a focus whose failure ``lasts``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from plugins.foci.model import DEEP_STAGES, Outcome, Stage, StageResult

DEEP_INTERVAL = 3600.0
"""Seconds between two deep checks of a server that passed the last one."""


@dataclass(frozen=True, slots=True)
class DeepFailure:
    """The deepest stage of a focus that failed, and when a deep check last saw anything fail there."""

    stage: Stage
    at: float

    def lasts(self, now: float) -> bool:
        """Whether it still counts: not when nothing was seen to fail there for two intervals."""
        return abs(now - self.at) < 2 * DEEP_INTERVAL


def is_due(passed_at: float | None, now: float) -> bool:
    """
    Whether the next check of a server should go deep.

    Args:
        passed_at: when a deep check last found nothing wrong, seconds since the epoch; None if something was, or never.
    """
    return passed_at is None or not 0 <= now - passed_at < DEEP_INTERVAL


def after(before: DeepFailure | None, stages: Sequence[StageResult], now: float) -> DeepFailure | None:
    """
    What fails deep at a focus after a deep check came to these stages.

    Only the stage that failed ends its failure: that it was not reached proves nothing of it.
    """
    outcomes = {result.stage: result.outcome for result in stages}
    if before is not None and (outcomes.get(before.stage) is Outcome.OK or not before.lasts(now)):
        before = None
    deep = [stage for stage in DEEP_STAGES if outcomes.get(stage) is Outcome.FAILED]
    known = [*deep, *([before.stage] if before is not None else [])]
    if not known:
        return None
    at = now if before is None or Outcome.FAILED in outcomes.values() else min(before.at, now)
    return DeepFailure(max(known, key=DEEP_STAGES.index), at)
