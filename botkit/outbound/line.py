"""Text written by strangers, made fit for one line of a message, a terminal or a log."""

from __future__ import annotations

import unicodedata

_BLANKS = frozenset({"Zs", "Zl", "Zp"})
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_MARKS = frozenset({"Mn", "Me"})
_MARKS_IN_A_ROW = 2


def clean_line(text: str, limit: int = 200) -> str:
    """
    One printable line of at most ``limit`` characters.

    Line breaks, tabs and every kind of space become one plain space; control, bidirectional, format,
    surrogate, private and unassigned characters go, and so do piled-up combining marks. What was cut
    off shows as an ellipsis.
    """
    kept: list[str] = []
    marks = 0
    window = text[: limit * 8 + 8]
    for char in window:
        category = unicodedata.category(char)
        if category in _BLANKS or char in "\t\n\v\f\r\x85":
            kept.append(" ")
            marks = 0
        elif category in _MARKS:
            marks += 1
            if marks <= _MARKS_IN_A_ROW:
                kept.append(char)
        elif category not in _DROPPED:
            kept.append(char)
            marks = 0
    line = " ".join("".join(kept).split(" ")).strip()
    while "  " in line:
        line = line.replace("  ", " ")
    if len(line) > limit or len(window) < len(text):
        return line[: max(limit - 1, 0)].rstrip() + "…"
    return line
