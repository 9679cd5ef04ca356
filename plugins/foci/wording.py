"""Times, durations and names as messages write them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from botkit.messages.document import Bold, Emoji, Inline, Name, Text, inline
from botkit.messages.sanitise import quoted

NAMES_SHOWN = 5
"""Servers that a message names before it counts the others."""

LONGEST_NAME = 255
"""Characters of a server's name or a user id (Matrix, appendices)."""


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


def named(names: Sequence[str]) -> str:
    """At most five names of servers or people as marked text, then how many more."""
    shown = ", ".join(quoted(name, LONGEST_NAME) for name in names[:NAMES_SHOWN])
    left = len(names) - NAMES_SHOWN
    return f"{shown} and {left} more" if left > 0 else shown


def remark(icon: str, marked: str) -> tuple[Inline, ...]:
    """A line that is about nothing by name: sign and marked text."""
    return (Emoji(icon), Text(" "), *inline(marked))


def sentence(icon: str, label: Bold | Name, marked: str) -> tuple[Inline, ...]:
    """The first line of a message: sign, what it is about, and the rest as marked text."""
    return (Emoji(icon), Text(" "), label, *inline(marked))
