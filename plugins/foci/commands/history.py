"""``!foci history``: outages and list changes as text and as a picture. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from botkit.messages.document import Block, Document, Name, OrderedList, Paragraph, Text, inline
from botkit.messages.sanitise import quoted
from plugins.foci.health.events import Outage
from plugins.foci.health.keys import Key, KeyKind
from plugins.foci.watch.views import History
from plugins.foci.wording import LONGEST_NAME, counted, moment, sentence, span

MOST_ROWS = 8
"""Things that a picture shows; those with the longest outages come first."""

MOST_MARKS = 9
"""Changes that are numbered in the picture, the latest ones."""

_TICKS = 8
_STEPS = tuple(timedelta(hours=hours) for hours in (1, 2, 3, 6, 12, 24, 48, 168, 336, 720))


@dataclass(frozen=True, slots=True)
class Row:
    """
    One thing over the time shown.

    Attributes:
        label: what people call it, as marked text.
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
        """The picture in a sentence of marked text, for those who cannot see it."""
        told = [f"{row.label}: {row.share} up{_down(row)}" for row in self.rows]
        changes = f"the list changed {len(self.marks)} times" if len(self.marks) > 1 else "the list changed once"
        changes = changes if self.marks else "the list did not change"
        server, length = quoted(self.server, LONGEST_NAME), span(self.until - self.since)
        return f"{server}, the last {length}: {'; '.join((*told, changes))}."

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
        KeyKind.DISCOVERY: "client well-known",
        KeyKind.DRIFT: "both lists agree",
        KeyKind.CERTIFICATE: f"certificate of {quoted(key.label, LONGEST_NAME)}",
    }
    return words.get(key.kind) or quoted(key.label, LONGEST_NAME)


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


WIDTH = 900
_MARGIN = 30
_STRIP = 104
"""Height of the marks."""

_RADIUS = 13
_HEAD = 124
_ROW = 84
_BAR = 30
_FOOT = 66
_LONGEST_LABEL = 52

_PAPER, _INK, _FAINT = "#ffffff", "#1c1c1e", "#6b6b70"
_GOOD, _BAD, _UNWATCHED, _MARK = "#2f9e6e", "#c92a2a", "#d9d9de", "#1c4fd6"
_NARROWEST = 4
"""Pixels: an outage of a minute in a month must still be seen."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A PNG and its size in pixels."""

    png: bytes
    width: int
    height: int


def draw(timeline: Timeline) -> Drawing:
    """The picture, legible on a phone; a function of its argument alone."""
    height = _HEAD + max(1, len(timeline.rows)) * _ROW + _FOOT
    image = Image.new("RGB", (WIDTH, height), _PAPER)
    builder = _Sheet(ImageDraw.Draw(image), timeline)
    builder.head()
    builder.marks(_HEAD + max(1, len(timeline.rows)) * _ROW)
    for place, row in enumerate(timeline.rows):
        builder.row(row, _HEAD + place * _ROW)
    builder.axis(_HEAD + max(1, len(timeline.rows)) * _ROW)
    target = BytesIO()
    image.save(target, "PNG", optimize=True)
    return Drawing(target.getvalue(), WIDTH, height)


class _Sheet:
    def __init__(self, draw: ImageDraw.ImageDraw, timeline: Timeline) -> None:
        self._draw = draw
        self._timeline = timeline
        self._title, self._text, self._small = (ImageFont.load_default(size) for size in (30, 24, 20))

    def head(self) -> None:
        shown = self._timeline
        self._draw.text((_MARGIN, 18), _short(shown.server), _INK, self._title)
        period = f"{moment(shown.since, 0)} to {moment(shown.until, 0)}"
        self._draw.text((_MARGIN, 56), period, _FAINT, self._small)

    def row(self, row: Row, top: int) -> None:
        shown = self._timeline
        self._draw.text((_MARGIN, top + 4), _short(row.label.replace("`", "")), _INK, self._text)
        self._draw.text((WIDTH - _MARGIN, top + 4), row.share, _INK if row.bad else _FAINT, self._text, anchor="ra")
        upper, lower = top + 40, top + 40 + _BAR
        self._bar(shown.since, shown.watched_since, upper + 10, lower - 10, _UNWATCHED)
        self._bar(shown.watched_since, shown.until, upper + 6, lower - 6, _GOOD)
        for start, end in row.bad:
            # taller as well as red, for readers who cannot distinguish these colours
            self._bar(start, end, upper - 2, lower + 2, _BAD, narrowest=_NARROWEST)

    def axis(self, top: int) -> None:
        for at in self._timeline.ticks():
            x = self._x(at)
            self._draw.line((x, top, x, top + 8), _FAINT, 2)
            self._draw.text((x, top + 12), self._timeline.tick_label(at), _FAINT, self._small, anchor="ma")
        if self._timeline.left_out:
            told = f"and {self._timeline.left_out} more"
            self._draw.text((_MARGIN, top + 38), told, _FAINT, self._small)

    def marks(self, bottom: int) -> None:
        """Marks of list changes; numbers that would overlap are put side by side."""
        free = _MARGIN
        for number, at in enumerate(self._timeline.marks, 1):
            x = self._x(at)
            seat = max(x, free)
            free = seat + 2 * _RADIUS + 2
            self._draw.line((seat, _STRIP, x, _STRIP + _RADIUS + 8), _MARK, 2)
            for y in range(_STRIP + _RADIUS + 8, bottom, 14):
                self._draw.line((x, y, x, min(y + 7, bottom)), _MARK, 2)
            box = (seat - _RADIUS, _STRIP - _RADIUS, seat + _RADIUS, _STRIP + _RADIUS)
            self._draw.ellipse(box, _MARK)
            self._draw.text((seat, _STRIP), str(number), _PAPER, self._small, anchor="mm")

    def _bar(self, start: float, end: float, upper: int, lower: int, colour: str, *, narrowest: int = 0) -> None:
        left, right = self._x(start), self._x(end)
        if right - left < narrowest:
            left, right = min(left, WIDTH - _MARGIN - narrowest), min(left, WIDTH - _MARGIN - narrowest) + narrowest
        if right > left:
            self._draw.rectangle((left, upper, right, lower), colour)

    def _x(self, at: float) -> int:
        shown = self._timeline
        share = (at - shown.since) / (shown.until - shown.since)
        return _MARGIN + round(min(1.0, max(0.0, share)) * (WIDTH - 2 * _MARGIN))


def _short(label: str) -> str:
    """Characters that the built-in font lacks become boxes; names in ASCII, as host names are, are safe."""
    return label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}…"


_HISTORY_SHOWN = 12


def history_document(server: str, history: History, since: float, now: float) -> Document:
    """The answer to ``!foci history``: the list's changes numbered as in the picture, then the outages."""
    start = max(since, history.watched_since)
    head = sentence("📈", Name(server), f", the last {span(now - start)}:")
    blocks: list[Block] = [Paragraph(head)]
    if history.changes:
        # The picture numbers as many, so both say the same numbers.
        latest = history.changes[-MOST_MARKS:]
        lines = tuple((Paragraph((*inline(f"{moment(at, now)}: "), *told)),) for at, told in latest)
        blocks += [Paragraph((Text("List changes:"),)), OrderedList(lines)]
        if len(latest) < len(history.changes):
            blocks.append(Paragraph(inline(f"and {len(history.changes) - len(latest)} earlier")))
    else:
        blocks.append(Paragraph((Text("No list changes."),)))
    outages = sorted(history.outages, key=lambda outage: -outage.start)
    if not outages:
        blocks.append(Paragraph((Text("No outages."),)))
    else:
        blocks.append(Paragraph(inline(f"{counted(len(outages), 'outage')}:")))
        blocks += [Paragraph(inline(_outage(outage, now))) for outage in outages[:_HISTORY_SHOWN]]
    if len(outages) > _HISTORY_SHOWN:
        blocks.append(Paragraph(inline(f"and {len(outages) - _HISTORY_SHOWN} earlier")))
    return Document(tuple(blocks))


def _outage(outage: Outage, now: float) -> str:
    words = {KeyKind.DISCOVERY: "the client well-known", KeyKind.DRIFT: "the two foci lists"}
    label = words.get(outage.key.kind) or quoted(outage.key.label, LONGEST_NAME)
    start = moment(outage.start, now)
    if outage.end is None:
        return f"{label} since {start}, ongoing for {span(now - outage.start)}"
    return f"{label} from {start} for {span(outage.end - outage.start)}"
