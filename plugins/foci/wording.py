"""Times, durations, names and strangers' words as messages write them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from botkit.messages.document import Bold, Emoji, Inline, Text
from botkit.messages.sanitise import REPLACEMENT, clipped

NAMES_SHOWN = 5
"""Servers that a message names before it counts the others."""


def moment(at: float, now: float) -> str:
    """A time in UTC; with its date unless that is the date of ``now``. Both in seconds since the epoch."""
    then, today = datetime.fromtimestamp(at, UTC), datetime.fromtimestamp(now, UTC)
    return f"{then:%H:%M} UTC" if then.date() == today.date() else f"{then:%Y-%m-%d %H:%M} UTC"


def span(seconds: float) -> str:
    """A duration in its two largest units, such as "2 h 10 min"; never negative."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def counted(number: int, noun: str) -> str:
    """``3 checks``, ``1 check``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def named(servers: Sequence[str]) -> str:
    """At most five names, then how many more."""
    shown = ", ".join(servers[:NAMES_SHOWN])
    left = len(servers) - NAMES_SHOWN
    return f"{shown} and {left} more" if left > 0 else shown


def quoted(word: str) -> str:
    """A stranger's word between backticks, which make it code; its own would end the code early (``render.inline``)."""
    return f"`{clipped(word).replace('`', REPLACEMENT)}`"


def sentence(icon: str, label: str, *rest: Inline) -> tuple[Inline, ...]:
    """The first line of a message: sign, what it is about, and the rest."""
    return (Emoji(icon), Text(" "), Bold(label), *rest)
