"""What became of one deep stage. Holds words and figures, never a token or an answer's body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from plugins.foci.deep.redaction import WITHHELD, discreet
from plugins.foci.model import Certainty, Finding, Outcome, Stage, StageResult


@dataclass(frozen=True, slots=True)
class DeepStageResult:
    """
    What became of one deep stage.

    Attributes:
        findings: without a focus number.
        certainty: of the failure; None unless the stage failed.
    """

    result: StageResult
    findings: tuple[Finding, ...] = ()
    certainty: Certainty | None = None

    @property
    def passed(self) -> bool:
        """Whether the ladder goes on."""
        return self.result.outcome is Outcome.OK


def passed(stage: Stage, elapsed_ms: float | None, detail: str, *findings: Finding) -> DeepStageResult:
    """A stage that passed."""
    return DeepStageResult(StageResult(stage, Outcome.OK, elapsed_ms, detail), findings)


def failed(
    stage: Stage, elapsed_ms: float | None, detail: str, certainty: Certainty, *findings: Finding
) -> DeepStageResult:
    """A stage that failed."""
    return DeepStageResult(StageResult(stage, Outcome.FAILED, elapsed_ms, detail), findings, certainty)


def skipped(stage: Stage, why: str) -> DeepStageResult:
    """A stage that was not tried."""
    return DeepStageResult(StageResult(stage, Outcome.SKIPPED, None, why))


def guarded(step: DeepStageResult, secrets: Sequence[str]) -> DeepStageResult:
    """The step without whatever repeats a part of a secret: certificates and host names are strangers' words, too."""

    def clean(text: str) -> str:
        return WITHHELD if discreet(text, secrets) == WITHHELD else text

    findings = tuple(
        replace(found, message=clean(found.message), advice=clean(found.advice)) for found in step.findings
    )
    return replace(step, result=replace(step.result, detail=clean(step.result.detail)), findings=findings)
