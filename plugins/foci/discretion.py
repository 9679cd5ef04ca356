"""Keeping tokens out of what is said: whoever is shown a token may answer with it, in any field."""

from __future__ import annotations

from collections.abc import Iterable

from botkit.visible import clipped

WITHHELD = "(withheld)"
_TELLING = 8
"""So many characters in a row of a token are no coincidence."""


def discreet(text: str, secrets: Iterable[str], limit: int = 100) -> str:
    """A stranger's text in one line, at most ``limit`` characters; withheld if it repeats a part of a secret."""
    folded = text.casefold()
    for secret in secrets:
        known = secret.casefold()
        pieces = (known[place : place + _TELLING] for place in range(max(1, len(known) - _TELLING + 1)))
        if known and any(piece in folded for piece in pieces):
            return WITHHELD
    return clipped(text, limit)
