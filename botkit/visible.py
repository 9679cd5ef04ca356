"""Strangers' text made safe to read: nothing invisible, nothing that reorders what stands around it."""

from __future__ import annotations

import unicodedata

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_EMOJI_STYLE = "\N{VARIATION SELECTOR-15}\N{VARIATION SELECTOR-16}"
_BLANK_LETTERS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
"""Not classed as format characters, and yet nothing is seen of them."""


def _is_hidden(character: str) -> bool:
    if character.isascii():
        return not character.isprintable()
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"):
        return True
    point = ord(character)
    return (
        character in _BLANK_LETTERS
        or (point & 0xFFFE) == 0xFFFE
        or 0xFDD0 <= point <= 0xFDEF
        or 0x180B <= point <= 0x180F
        or 0xE0100 <= point <= 0xE01EF
        or (0xFE00 <= point <= 0xFE0F and character not in _EMOJI_STYLE)
    )


def visible(text: str) -> str:
    """
    One line in which every control, bidi, surrogate, private-use and invisible character is U+FFFD.

    Line breaks and tabs become spaces. The bot's own emoji (with their style selector) stay.
    """
    flat = text.replace("\r\n", " ").translate({0x0A: " ", 0x0D: " ", 0x09: " "})
    if flat.isascii() and flat.isprintable():
        return flat
    return "".join(REPLACEMENT if _is_hidden(character) else character for character in flat)


def visible_lines(text: str) -> tuple[str, ...]:
    """As ``visible``, but line breaks divide; at least one line."""
    return tuple(visible(line) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
