"""What a server's watch saw over a span of time, as rows of stretches: what ``!foci history`` draws."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from plugins.foci.key import Key, Kind
from plugins.foci.wording import counted, span

MOST_ROWS = 8
"""Things that a picture shows; those with the longest outages come first."""

MOST_MARKS = 9
"""Changes that are numbered in the picture, the latest ones."""

_TICKS = 8
_STEPS = tuple(timedelta(hours=hours) for hours in (1, 2, 3, 6, 12, 24, 48, 168, 336, 720))


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


@dataclass(frozen=True, slots=True)
class Row:
    """
    One thing over the time shown.

    Attributes:
        label: what people call it.
        bad: stretches as (start, end), within the time shown, in order, apart from each other.
        up: share of the watched time in which it was not bad, 0 to 1.
    """

    label: str
    bad: tuple[tuple[float, float], ...]
    up: float

    @property
    def down(self) -> float:
        """Seconds of the time shown in which it was bad."""
        return sum(end - start for start, end in self.bad)

    @property
    def share(self) -> str:
        """``up`` in words, cut off and not rounded: what was ever bad is never 100 %."""
        return f"{math.floor(self.up * 10_000) / 100:.2f} %" if self.up < 1 else "100 %"


@dataclass(frozen=True, slots=True)
class Timeline:
    """
    A picture before it is drawn.

    Attributes:
        since, until: the time shown.
        watched_since: before that nothing is known.
        marks: times of list changes, in order; the picture numbers them from 1.
        left_out: things that have no row because there are too many.
    """

    server: str
    since: float
    until: float
    watched_since: float
    rows: tuple[Row, ...]
    marks: tuple[float, ...]
    left_out: int = 0

    def words(self) -> str:
        """The picture in a sentence, for those who cannot see it."""
        told = [f"{row.label}: {row.share} up{_down(row)}" for row in self.rows]
        changes = f"the list changed {len(self.marks)} times" if len(self.marks) > 1 else "the list changed once"
        changes = changes if self.marks else "the list did not change"
        return f"{self.server}, the last {span(self.until - self.since)}: {'; '.join((*told, changes))}."

    def ticks(self) -> tuple[float, ...]:
        """At most nine round times (UTC) for the axis."""
        width = timedelta(seconds=self.until - self.since)
        step = next((step for step in _STEPS if step * _TICKS >= width), _STEPS[-1]).total_seconds()
        first = self.since - self.since % step + step
        return tuple(first + number * step for number in range(_TICKS + 1) if first + number * step <= self.until)

    def tick_label(self, at: float) -> str:
        """The hour where the axis counts in hours, the date otherwise."""
        then = datetime.fromtimestamp(at, UTC)
        days = self.until - self.since > 3 * 86400
        return f"{then.day} {then:%b}" if days or (then.hour, then.minute) == (0, 0) else f"{then:%H:%M}"


def timeline(
    server: str,
    keys: Iterable[Key],
    outages: Iterable[Outage],
    changes: Iterable[float],
    watched_since: float,
    since: float,
    until: float,
) -> Timeline:
    """
    Put together what is known.

    Args:
        keys: what is watched of the server now; these have rows even if nothing ever happened to them.
        outages: in any order; those outside the time shown are passed over.
        changes: times of list changes.
    """
    start = max(since, min(watched_since, until))
    stretches: dict[str, list[tuple[float, float]]] = {_label(key): [] for key in keys}
    for outage in outages:
        begins, ends = max(start, outage.start), min(until, until if outage.end is None else outage.end)
        if begins < ends:
            stretches.setdefault(_label(outage.key), []).append((begins, ends))
    rows = [_row(label, bad, until - start) for label, bad in stretches.items()]
    shown = sorted(rows, key=lambda row: -row.down)[:MOST_ROWS]
    marks = tuple(sorted(at for at in changes if since <= at <= until))[-MOST_MARKS:]
    kept = tuple(row for row in rows if row in shown)
    return Timeline(server, since, until, start, kept, marks, len(rows) - len(kept))


def _label(key: Key) -> str:
    words = {
        Kind.DISCOVERY: "client well-known",
        Kind.DRIFT: "both lists agree",
        Kind.CERTIFICATE: f"certificate of {key.label}",
    }
    return words.get(key.kind, key.label)


def _row(label: str, bad: list[tuple[float, float]], watched: float) -> Row:
    merged: list[tuple[float, float]] = []
    for start, end in sorted(bad):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    down = sum(end - start for start, end in merged)
    return Row(label, tuple(merged), 1.0 if watched <= 0 else 1 - down / watched)


def _down(row: Row) -> str:
    return f" ({counted(len(row.bad), 'outage')}, {span(row.down)})" if row.bad else ""
