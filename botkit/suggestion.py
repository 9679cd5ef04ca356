"""Suggestions for mistyped words."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that looks most like this one, if any does."""
    close = get_close_matches(word[:100], list(known), n=1, cutoff=0.6)
    return close[0] if close else None


def unknown_key(dotted: str, key: str, known: Iterable[str]) -> str:
    """The sentence about a key that does not exist."""
    guess = nearest(key, known)
    return f"{dotted}: unknown key" + (f"; did you mean {guess}?" if guess else "")
