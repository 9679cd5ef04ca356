"""Values for one statement each: a database takes some ten thousand parameters at most, and strangers publish keys."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator
from typing import TypeVar

_LARGEST = 1000

T = TypeVar("T", bound=Hashable)


def portions(values: Collection[T]) -> Iterator[list[T]]:
    """All values, each once, in lists that a statement can hold; none for no values."""
    ordered = sorted(set(values), key=str)
    for start in range(0, len(ordered), _LARGEST):
        yield ordered[start : start + _LARGEST]
