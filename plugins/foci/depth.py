"""The deep stages of a focus, put after those that a stranger can climb."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from plugins.foci.ladder import Judgement
from plugins.foci.model import DEEP_STAGES, Outcome, StageResult
from plugins.foci.step import DeepStageResult, skipped

_EARLIER = "an earlier stage failed"


def deepened(judgement: Judgement, steps: Sequence[DeepStageResult]) -> Judgement:
    """The judgement of a probe with the deep stages after it; those that ``steps`` does not hold are skipped."""
    rest = [skipped(stage, _why(judgement, steps)) for stage in DEEP_STAGES[len(steps) :]]
    whole = [*steps, *rest]
    return replace(
        judgement,
        stages=(*judgement.stages, *(step.result for step in whole)),
        findings=(*judgement.findings, *(found for step in whole for found in step.findings)),
        certainty=judgement.certainty or next((step.certainty for step in whole if step.certainty), None),
    )


def untried(why: str) -> tuple[StageResult, ...]:
    """The deep stages of a focus that is not probed."""
    return tuple(skipped(stage, why).result for stage in DEEP_STAGES)


def _why(judgement: Judgement, steps: Sequence[DeepStageResult]) -> str:
    if judgement.certainty is not None or any(step.result.outcome is Outcome.FAILED for step in steps):
        return _EARLIER
    return next((step.result.detail for step in steps if step.result.outcome is Outcome.SKIPPED), "not tried")
