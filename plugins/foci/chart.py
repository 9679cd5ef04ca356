"""The picture of ``!foci history``: a bar per thing, red where it was bad, numbered marks where the list changed."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from plugins.foci.timeline import Row, Timeline
from plugins.foci.wording import moment

WIDTH = 900
_MARGIN = 30
_STRIP = 104
"""Height at which the marks stand."""

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
        self._draw.text((_MARGIN, top + 4), _short(row.label), _INK, self._text)
        self._draw.text((WIDTH - _MARGIN, top + 4), row.share, _INK if row.bad else _FAINT, self._text, anchor="ra")
        upper, lower = top + 40, top + 40 + _BAR
        self._bar(shown.since, shown.watched_since, upper + 10, lower - 10, _UNWATCHED)
        self._bar(shown.watched_since, shown.until, upper + 6, lower - 6, _GOOD)
        for start, end in row.bad:
            # taller as well as red: not everybody tells these colours apart
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
        """Where the list changed; numbers that would cover each other stand side by side."""
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
    """Letters that the built-in font lacks become boxes; names in ASCII, as host names are, are safe."""
    return label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}…"
