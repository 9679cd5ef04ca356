from __future__ import annotations

from dataclasses import dataclass

from plugins.foci.key import Key


@dataclass(frozen=True, slots=True)
class Outage:
    """
    Something that was bad for a while. Times are seconds since the epoch.

    Attributes:
        end: None while it lasts.
    """

    key: Key
    start: float
    end: float | None
