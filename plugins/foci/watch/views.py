"""What the queries on watches and history return. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from botkit.messages.document import Inline
from plugins.foci.health.events import AlertEvent, Outage
from plugins.foci.health.keys import Key

Source = Literal["config", "room"]


class Watched(StrEnum):
    """Outcome of a watch command. ROOM_FULL, PERSON_FULL: refused, as there are as many watches as there may be."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    ROOM_FULL = "room full"
    PERSON_FULL = "person full"


class Unwatched(StrEnum):
    """Outcome of an unwatch command. CONFIGURED: the watch stays, as it is from the configuration."""

    GONE = "gone"
    UNKNOWN = "unknown"
    CONFIGURED = "configured"


@dataclass(frozen=True, slots=True)
class WatchView:
    """
    One watched server as one room sees it. Times are seconds since the epoch.

    Attributes:
        interval: seconds between checks, as this room asked; others may have it checked more often.
        verdict, checked_at: of the last check; None before the first since it is watched here.
        troubles: the latest event of everything about it that is not over.
        silenced_until: None where it is not silenced here.
    """

    server: str
    interval: float
    source: Source
    verdict: str | None = None
    checked_at: float | None = None
    troubles: tuple[AlertEvent, ...] = ()
    silenced_until: float | None = None


@dataclass(frozen=True, slots=True)
class History:
    """
    What is remembered of one server. Nothing here says which room watches it.

    Attributes:
        keys: the health keys that it concerns now.
        outages: that began or lasted in the time asked for.
        changes: confirmed list changes in that time, oldest first, each in one line.
    """

    watched_since: float
    keys: tuple[Key, ...]
    outages: tuple[Outage, ...]
    changes: tuple[tuple[float, tuple[Inline, ...]], ...]
