"""What a wrong answer at a service URL amounts to."""

from __future__ import annotations

from dataclasses import dataclass

from plugins.foci.findings import finding
from plugins.foci.model import Certainty, Finding


@dataclass(frozen=True, slots=True)
class WrongAnswer:
    """
    What answers instead of a MatrixRTC authorisation service.

    Attributes:
        code: the finding.
        certainty: what the answer proves.
        detail: what was seen, one line.
        advice: what to change.
    """

    code: str
    certainty: Certainty
    detail: str
    advice: str

    @property
    def finding(self) -> Finding:
        """The finding, without a focus number."""
        return finding(self.code, f"{self.detail}.", self.advice)
