"""Many cases of one property in one test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def case(*which: object) -> Iterator[None]:
    """Whatever fails inside says for which case it does."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"in the case {', '.join(map(repr, which))}")
        raise
