"""
Strangers' text made safe to read: nothing invisible, nothing that reorders or covers, no emoji that is not the bot's.
"""

from __future__ import annotations

import json
import unicodedata

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

MOST_MARKS = 3
"""Combining marks that one letter may carry; more are a pile that covers the lines around it."""

_BLANK_LETTERS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
"""Not classed as format characters, and yet nothing is seen of them."""

_SIGNS_AMONG_OTHERS = "\u203c\u2049\u2139\u221a\u2b55"
"""Emoji and a tick that Unicode classes as letters, punctuation or mathematics."""


def _is_hidden(character: str) -> bool:
    if character.isascii():
        return not character.isprintable()
    point = ord(character)
    return (
        not (character.isprintable() or unicodedata.category(character) == "Zs")
        or character in _BLANK_LETTERS
        or 0x180B <= point <= 0x180F
        or 0xFE00 <= point <= 0xFE0F
        or 0xE0100 <= point <= 0xE01EF
    )


def _is_sign(character: str) -> bool:
    """Emoji, ticks, crosses, coloured shapes: all that could pass for a verdict. Lines and bars are none."""
    point = ord(character)
    if point < 0x2000 or 0x2500 <= point <= 0x259F or character == REPLACEMENT:
        return False
    category = unicodedata.category(character)
    return (
        (category == "So" and point >= 0x2190)
        or category == "Me"
        or character in _SIGNS_AMONG_OTHERS
        or 0x1F3FB <= point <= 0x1F3FF
    )


def visible(text: str) -> str:
    """
    One line in which everything that could deceive is U+FFFD.

    That is: control, bidi, surrogate, private-use, unassigned and invisible characters; signs such as emoji,
    which only the bot sets (``document.Emoji``); what is piled up on a letter beyond ``MOST_MARKS``, and marks
    without a letter of their own, which would combine with the preceding character.
    Line breaks and tabs become spaces.
    """
    flat = text.replace("\r\n", " ").translate({0x0A: " ", 0x0D: " ", 0x09: " "})
    if flat.isascii() and flat.isprintable():
        return flat
    kept: list[str] = []
    marks = MOST_MARKS
    for character in flat:
        marks = marks + 1 if unicodedata.category(character) == "Mn" else 0
        if marks > MOST_MARKS:
            kept += [REPLACEMENT] if marks == MOST_MARKS + 1 else []
        else:
            kept.append(REPLACEMENT if _is_hidden(character) or _is_sign(character) else character)
    return "".join(kept)


def shortened(text: str, limit: int) -> str:
    """At most ``limit`` characters, whatever they are; an ellipsis replaces the rest."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def clipped(text: str, limit: int = 120) -> str:
    """As ``visible``, in at most ``limit`` characters."""
    return shortened(visible(text[: limit + 1]), limit)


def quoted(text: str, limit: int = 120) -> str:
    """Strangers' words for marked text (``document.inline``): clipped, and in backticks, which they cannot close."""
    return f"`{clipped(text, limit).replace('`', REPLACEMENT)}`"


def logged(text: str, limit: int = 255) -> str:
    """A value for ``key=value`` in the log: clipped; in double quotes where it could pass for more than one value."""
    word = clipped(text, limit)
    return word if word and " " not in word and '"' not in word else json.dumps(word, ensure_ascii=False)


def closed(marked: str) -> str:
    """Marked text that was cut: what stands open is closed, so that it turns nothing around that follows."""
    return f"{marked}`" if marked.count("`") % 2 else marked


def clean_line(text: str, limit: int = 200) -> str:
    """As ``clipped``; runs of blanks are one space, and none is at an end."""
    window = text[: limit * 8 + 8]
    line = visible(" ".join(window.split()))
    if len(line) > limit or len(window) < len(text):
        return line[: limit - 1].rstrip() + "…"
    return line


def visible_lines(text: str) -> tuple[str, ...]:
    """As ``visible``, but line breaks divide; at least one line."""
    return tuple(visible(line) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
