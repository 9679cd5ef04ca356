"""A reader of the HTML that the bot may write: exactly that subset, or an assertion."""

from __future__ import annotations

from html.parser import HTMLParser

ALLOWED = {"ol": {"start"}, "li": set[str](), "b": set[str](), "code": set[str](), "br": set[str](), "pre": set[str]()}


class Markup(HTMLParser):
    """
    Parses strictly: known tags, closed in order, no line breaks outside ``pre``.

    Attributes:
        text: all words, a line end for each break.
        running: the words that are not code, in which clients look for links and mentions; the gap that code, a new
            line or the end of a list leaves is a blank.
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.text = ""
        self.tags: list[str] = []
        self.running: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED
        assert {name for name, _ in attrs} <= ALLOWED[tag]
        assert tag != "li" or self.open[-1] == "ol"
        self.tags.append(tag)
        if tag != "b":
            self.running.append(" ")
        if tag == "br":
            self.text += "\n"
        else:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag != "b":
            self.running.append(" ")

    def handle_data(self, data: str) -> None:
        assert "pre" in self.open or "\n" not in data
        assert not self.open or self.open[-1] != "ol"
        self.text += data
        if "code" not in self.open:
            self.running.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"comment {data!r}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"declaration {decl!r}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"instruction {data!r}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"declaration {data!r}")
