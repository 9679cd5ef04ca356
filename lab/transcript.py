"""Messages as somebody reads them in a client, put on a terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_STYLES = {"strong": "1", "b": "1", "em": "3", "i": "3", "code": "36", "a": "4", "del": "9"}
_BLOCKS = {"p", "div", "blockquote", "pre", "ol", "ul"}
_RESET = "\x1b[0m"
_DIM = "2"


@dataclass(slots=True)
class _Line:
    """A line before it is wrapped: what goes before its first part, and its runs of (text, style)."""

    lead: str = ""
    indent: int = 0
    verbatim: bool = False
    runs: list[tuple[str, str]] = field(default_factory=list)

    @property
    def blank(self) -> bool:
        return not self.lead and not any(text.strip() for text, _ in self.runs)


class _MessageReader(HTMLParser):
    """Turns the HTML that Matrix allows into lines."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[_Line] = [_Line()]
        self._styles: list[str] = []
        self._counters: list[int | None] = []
        self._in_pre = False
        self._quoted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "mx-reply":
            self._quoted += 1
        elif tag == "br":
            self._new_line()
        elif tag == "li":
            self._start_item()
        elif tag in _BLOCKS:
            self._start_block(tag, dict(attrs))
        elif tag in _STYLES:
            self._styles.append(_STYLES[tag])

    def handle_endtag(self, tag: str) -> None:
        if tag == "mx-reply":
            self._quoted = max(0, self._quoted - 1)
        elif tag in ("ol", "ul") and self._counters:
            self._counters.pop()
            self._new_line()
        elif tag in _BLOCKS:
            self._in_pre = self._in_pre and tag != "pre"
            self._new_line()
        elif tag in _STYLES and self._styles:
            self._styles.pop()

    def handle_data(self, data: str) -> None:
        if self._quoted:
            return
        if not self._in_pre:
            self._add(data.replace("\n", " "))
            return
        first, *rest = data.split("\n")
        self._add(first)
        for text in rest:
            self._new_line()
            self._add(text)

    def _add(self, text: str) -> None:
        if text:
            self.lines[-1].runs.append((text, ";".join(self._styles)))

    def _new_line(self) -> None:
        indent = 3 * len(self._counters)
        if self.lines[-1].blank and not self._in_pre:
            self.lines.pop()
        self.lines.append(_Line(indent=indent, verbatim=self._in_pre))

    def _start_item(self) -> None:
        self._new_line()
        number = self._counters[-1] if self._counters else None
        self.lines[-1].lead = "• " if number is None else f"{number}. "
        self.lines[-1].indent = 3 * max(0, len(self._counters) - 1)
        if number is not None:
            self._counters[-1] = number + 1

    def _start_block(self, tag: str, attributes: dict[str, str | None]) -> None:
        self._in_pre = self._in_pre or tag == "pre"
        if tag in ("ol", "ul"):
            start = attributes.get("start") or "1"
            self._counters.append((int(start) if start.isdecimal() else 1) if tag == "ol" else None)
        elif not (self.lines[-1].lead and not self.lines[-1].runs):
            self._new_line()


class Transcript:
    """
    Lays out messages for a terminal.

    Args:
        width: columns of the terminal.
        colour: whether to use ANSI sequences; else bold and code are told by the words alone.
    """

    def __init__(self, *, width: int = 100, colour: bool = False) -> None:
        """Choose the layout; there is no other state."""
        self._width = max(40, width)
        self._colour = colour

    def rule(self, title: str) -> str:
        """A line across the terminal with a title in it."""
        return self._paint(f"── {title} ".ljust(self._width, "─"), _DIM)

    def message(
        self, sender: str, when: str, html: str | None, text: str, note: str = "", *, aside: bool = False
    ) -> str:
        """
        A message under the name of its sender; the HTML is shown if there is any, else the text.

        Args:
            note: what is special about it.
            aside: it is in a thread, which clients show beside the room.
        """
        heading = f"{self._paint(sender, '1')} {self._paint(_plain(f'{when} {note}'.strip()), _DIM)}"
        margin = "  │ " if aside else "  "
        return "\n".join([heading, *(f"{margin}{line}".rstrip() for line in self.body(html, text, len(margin))), ""])

    def body(self, html: str | None, text: str, margin: int = 2) -> list[str]:
        """The lines of a message, wrapped to leave a margin; no control character of the message survives."""
        if html is None:
            lines = [_Line(verbatim=False, runs=[(line, "")]) for line in text.splitlines()]
        else:
            reader = _MessageReader()
            reader.feed(html)
            reader.close()
            lines = reader.lines
        while lines and lines[-1].blank:
            lines.pop()
        return [wrapped for line in lines for wrapped in self._wrap(line, self._width - margin)]

    def _wrap(self, line: _Line, room: int) -> Iterator[str]:
        margin = " " * line.indent
        hanging = margin + " " * len(line.lead)
        if line.verbatim:
            yield margin + "  " + "".join(self._paint(_plain(text), style) for text, style in line.runs)
            return
        words = [(word, style) for text, style in line.runs for word in re.findall(r"\S+\s*|\s+", _plain(text))]
        current, used = margin + line.lead, len(margin + line.lead)
        for word, style in words:
            width = _columns(word)
            if used + len(word.rstrip()) > room and used > len(hanging):
                yield current.rstrip()
                current, used = hanging, len(hanging)
                word = word.lstrip()
            current += self._paint(word, style)
            used += width
        yield current.rstrip()

    def _paint(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}{_RESET}" if self._colour and style and text.strip() else text


def _plain(text: str) -> str:
    return "".join(char for char in text if unicodedata.category(char) not in ("Cc", "Cf") or char in "\u200d\ufe0f")


def _columns(text: str) -> int:
    wide = sum(1 for char in text if unicodedata.east_asian_width(char) in "WF")
    return len(text) + wide - sum(1 for char in text if unicodedata.combining(char) or char in "\u200d\ufe0f")
