"""What the accountant writes down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.replay.stretches import Stretches
from bench.replay.terms import Terms
from bench.replay.told import Told
from bench.replay.truth import Truth


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something that was not as it should be; ``kind`` as in `accountant`."""

    kind: str
    at: float
    room: str
    about: str
    words: str

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:.0f} s in {self.room}, {self.about}: {self.words}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    The accounts of one trace.

    Attributes:
        due: things that had to be told, each room counted.
        messages, edits: messages by placement.
        detected: how late beginnings and changes were told, in intervals.
        resolved: how late ends were told, in intervals.
    """

    due: int
    messages: int
    edits: int
    detected: tuple[float, ...]
    resolved: tuple[float, ...]
    complaints: tuple[Complaint, ...]

    def count(self, kind: str) -> int:
        """Complaints of a kind."""
        return sum(one.kind == kind for one in self.complaints)


def spread(values: Sequence[float]) -> str:
    """Median and most."""
    return f"{median(values):.2f} / {max(values):.2f}" if values else "-"


@dataclass(slots=True)
class Books:
    """Open while a trace is audited."""

    truth: Truth
    terms: Terms
    due: int = 0
    detected: list[float] = field(default_factory=list)
    resolved: list[float] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)
    _blind: dict[float, Stretches] = field(default_factory=dict)

    def complain(self, kind: str, at: float, room: str, about: str, words: str) -> None:
        """Write a complaint down."""
        self.complaints.append(Complaint(kind, at, room, about, words))

    def blind(self, interval: float) -> Stretches:
        """When the bot cannot know."""
        if interval not in self._blind:
            self._blind[interval] = self.truth.blind(interval)
        return self._blind[interval]

    def verdict(self, told: Sequence[Told]) -> Verdict:
        """Close the books."""
        kinds = Counter(message.placement for message in told)
        return Verdict(
            self.due,
            kinds["new"] + kinds["reply"],
            kinds["edit"],
            tuple(self.detected),
            tuple(self.resolved),
            tuple(self.complaints),
        )
