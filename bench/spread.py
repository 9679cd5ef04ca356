"""A few figures that were measured several times."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of several measurements, the least and the greatest."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Of at least one value."""
        return cls(statistics.median(values), min(values), max(values))

    def text(self, digits: int, factor: float = 1.0) -> str:
        """``median (least to greatest)``, all multiplied."""
        middle, low, high = (f"{value * factor:.{digits}f}" for value in (self.median, self.least, self.greatest))
        return f"{middle} ({low} to {high})"


def line_through(points: Mapping[float, float]) -> tuple[float, float]:
    """Slope and intercept of the straight line that fits best (least squares); of at least two points."""
    slope, intercept = statistics.linear_regression(list(points), list(points.values()))
    return slope, intercept
