"""Figures that plugins have for Prometheus, without anything of Prometheus in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """
    One figure, or one per value of a label.

    Attributes:
        name: with the plugin's name in front, such as "foci_watch_lag_seconds"; a counter's ends in "_total".
        meaning: one sentence.
        values: value of the label to the figure; one with an empty text where there is no label.
        label: its name, such as "verdict"; empty without one. No label holds what a stranger wrote.
    """

    name: str
    meaning: str
    values: Mapping[str, float]
    label: str = ""
    kind: Literal["gauge", "counter"] = "gauge"
