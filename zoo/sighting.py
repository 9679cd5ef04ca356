"""What was seen of an animal, held against what should have been."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zoo.animal import Animal

MEGABYTES = 150.0
"""What a check may need, its interpreter and libraries included."""


@dataclass(frozen=True, slots=True)
class Limits:
    """``network.timeout`` and ``network.deadline`` in seconds; as they are unless configured otherwise."""

    timeout: float = 10.0
    deadline: float = 20.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """
    One animal's part of a run of ``check --json``.

    Attributes:
        report: the JSON report; empty if there is none.
        seconds: how long the check took.
        megabytes: peak memory of the process, whatever else it checked.
        errors: what the process said on standard error.
        stall: CPU seconds of the longest step of its event loop.
    """

    animal: Animal
    limits: Limits
    report: dict[str, Any]
    seconds: float
    megabytes: float
    errors: str
    stall: float

    @property
    def found(self) -> tuple[str, tuple[str, ...]]:
        """Verdict and codes of the report."""
        codes = (found["code"] for found in self.report.get("findings", ()))
        return str(self.report.get("verdict")), tuple(dict.fromkeys(codes))

    @property
    def is_right(self) -> bool:
        """Whether verdict, codes and cause are those of the table."""
        return self.found == (self.animal.verdict, self.animal.codes) and self._says_the_cause

    @property
    def faults(self) -> list[str]:
        """What is wrong with the check, but for its time; nothing of a check that is right."""
        faults = []
        if not self.report:
            faults.append("no report")
        elif self.found != (self.animal.verdict, self.animal.codes):
            faults.append(f"found {self.found}, not {(self.animal.verdict, self.animal.codes)}")
        elif not self._says_the_cause:
            faults.append(f"does not say {self.animal.says!r} but {self.told!r}")
        if self.errors:
            faults.append(f"standard error: {self.errors[-300:]}")
        if self.megabytes > MEGABYTES:
            faults.append(f"{self.megabytes:.0f} MB of memory")
        return faults

    @property
    def told(self) -> str:
        """The first message, else the first stage that failed, else how the transports endpoint stands."""
        messages = [found["message"] for found in self.report.get("findings", ())]
        return next(iter([*messages, *self._stages]), self._endpoint)

    @property
    def _stages(self) -> list[str]:
        stages = [stage for focus in self.report.get("foci", ()) for stage in focus["stages"]]
        return [stage["detail"] for stage in stages if stage["outcome"] == "failed"]

    @property
    def _endpoint(self) -> str:
        return f"transports endpoint {self.report.get('transports', {}).get('endpoint')}"

    @property
    def _says_the_cause(self) -> bool:
        messages = [found["message"] for found in self.report.get("findings", ())]
        return any(self.animal.says in text for text in (*messages, *self._stages, self._endpoint))
