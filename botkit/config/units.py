"""Quantities as operators write them (``90s``, ``256KiB``, ``6/min``, ``10%``), as pydantic field types."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
PERIODS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600}

LONGEST = 3650 * 86400.0
"""Seconds; longer durations are typing errors and overflow timers."""


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``count`` in any ``seconds``."""

    count: int
    seconds: float


def parse_duration(text: str) -> float:
    """
    Seconds of ``90s``, ``1.5h`` or ``1d12h``.

    Raises:
        ValueError: for anything else, a number without unit included.
    """
    if not re.fullmatch(r"(\d{1,9}(\.\d{1,6})?[smhd])+", text, re.ASCII):
        raise ValueError("must be a duration such as 90s, 5m, 12h or 14d")
    seconds = sum(float(number) * SECONDS[unit] for number, unit in re.findall(r"([\d.]+)([smhd])", text))
    if seconds > LONGEST:
        raise ValueError("must be a duration of at most 3650d")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest text that ``parse_duration`` reads as the same whole number of a unit."""
    for unit in ("d", "h", "m"):
        count = seconds / SECONDS[unit]
        if count >= 1 and count.is_integer():
            return f"{count:.0f}{unit}"
    return f"{seconds:g}s" if seconds < 1e5 else f"{seconds:.0f}s"


def parse_size(text: str) -> int:
    """
    Bytes of ``256KiB`` or ``1MiB``.

    Raises:
        ValueError: for anything else.
    """
    match = re.fullmatch(r"(\d{1,9}) ?(B|KiB|MiB|GiB)", text, re.ASCII)
    if not match:
        raise ValueError("must be a size such as 256KiB or 1MiB")
    return int(match[1]) * BYTES[match[2]]


def format_size(size: int) -> str:
    """The largest unit that leaves a whole number."""
    for unit in ("GiB", "MiB", "KiB"):
        if size and size % BYTES[unit] == 0:
            return f"{size // BYTES[unit]}{unit}"
    return f"{size}B"


def parse_rate(text: str) -> Rate:
    """
    ``6/min`` as a rate.

    Raises:
        ValueError: for anything else, a count of zero included.
    """
    match = re.fullmatch(r"(\d{1,6}) ?/ ?(s|sec|m|min|h)", text, re.ASCII)
    if not match or int(match[1]) == 0:
        raise ValueError("must be a rate such as 1/s, 6/min or 100/h")
    return Rate(int(match[1]), float(PERIODS[match[2]]))


def format_rate(rate: Rate) -> str:
    """The rate as ``parse_rate`` reads it."""
    period = {1.0: "s", 60.0: "min", 3600.0: "h"}[rate.seconds]
    return f"{rate.count}/{period}"


def parse_percent(text: str) -> float:
    """
    ``10%`` as 0.1.

    Raises:
        ValueError: for anything else, or more than 100%.
    """
    match = re.fullmatch(r"(\d{1,3}(\.\d{1,3})?) ?%", text, re.ASCII)
    if not match or float(match[1]) > 100:
        raise ValueError("must be a percentage from 0% to 100%")
    return float(match[1]) / 100


def format_percent(share: float) -> str:
    """The share as ``parse_percent`` reads it."""
    return f"{share * 100:g}%"


def _duration(value: object) -> object:
    if isinstance(value, str):
        return parse_duration(value)
    # Code builds models with plain seconds; YAML has no floats here by accident, so integers need a unit.
    if isinstance(value, float) and math.isfinite(value) and value >= 0:
        return value
    raise ValueError("must be a duration with its unit, such as 90s, 5m, 12h or 14d")


def _positive(value: float) -> float:
    if value <= 0:
        raise ValueError("must be longer than 0s")
    return value


def _size(value: object) -> object:
    if isinstance(value, str):
        return parse_size(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError("must be a size such as 256KiB or 1MiB")


def _rate(value: object) -> object:
    if isinstance(value, Rate):
        return value
    if isinstance(value, str):
        return parse_rate(value)
    raise ValueError("must be a rate such as 1/s, 6/min or 100/h")


def _percent(value: object) -> object:
    if isinstance(value, str):
        return parse_percent(value)
    if isinstance(value, float) and 0 <= value <= 1:
        return value
    raise ValueError("must be a percentage from 0% to 100%")


Duration = Annotated[
    float, BeforeValidator(_duration), PlainSerializer(format_duration, return_type=str, when_used="json")
]
"""Seconds, written ``90s 5m 12h 14d``; may be zero."""

PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
"""Seconds, more than zero."""

Size = Annotated[int, BeforeValidator(_size), PlainSerializer(format_size, return_type=str, when_used="json")]
"""Bytes, written ``256KiB``."""

RateLimit = Annotated[Rate, BeforeValidator(_rate), PlainSerializer(format_rate, return_type=str, when_used="json")]
"""A ``Rate``, written ``6/min``."""

Percent = Annotated[
    float, BeforeValidator(_percent), PlainSerializer(format_percent, return_type=str, when_used="json")
]
"""A share from 0 to 1, written ``10%``."""
