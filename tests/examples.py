"""How many examples of a property are tried: with the profile ``dev`` a fifth of what CI tries."""

from __future__ import annotations

from hypothesis import settings

CI = 100
"""Examples of a property that asks for no other number, with the profile ``ci``."""


def examples(many: int) -> int:
    """So many with the profile ``ci``, and as much fewer with another as that one has fewer by default."""
    return max(1, many * settings.default.max_examples // CI)
