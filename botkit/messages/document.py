"""A message as a small tree, rendered to plain text and to the HTML that every Matrix client shows well."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Text:
    """The bot's own words, as a literal (``tests/test_prose.py``). What is put together is marked text: ``inline``."""

    text: str


@dataclass(frozen=True, slots=True)
class Bold:
    """As ``Text``, stressed."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Strangers' words, and what is to be copied: URLs, hosts, user ids, keys, configuration. No client links it."""

    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """As ``Code``, stressed: the server or service that a message is about."""

    text: str


@dataclass(frozen=True, slots=True)
class Emoji:
    """The bot's own emoji, such as for a verdict. Never strangers' text: in all other parts emoji become U+FFFD."""

    text: str


Inline = Text | Bold | Code | Name | Emoji


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A run of inline parts on a line of its own."""

    parts: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class OrderedList:
    """Numbered items; each item is one or more lines (joined by a line break)."""

    items: tuple[tuple[Paragraph, ...], ...]
    start: int = 1


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Lines to copy, such as the exact JSON to publish."""

    text: str


Block = Paragraph | OrderedList | CodeBlock


@dataclass(frozen=True, slots=True)
class Document:
    """A message: blocks in order."""

    blocks: tuple[Block, ...]


def inline(marked: str) -> tuple[Inline, ...]:
    """
    Marked text as parts: what stands between backticks is code, the rest are the bot's own words.

    Strangers' words get into marked text by ``sanitise.quoted``. What an unclosed backtick begins is code to the end.
    """
    parts = marked.split("`")
    return tuple(Code(part) if place % 2 else Text(part) for place, part in enumerate(parts) if part)


def line(marked: str) -> Document:
    """A document of one line of marked text."""
    return Document((Paragraph(inline(marked)),))


@dataclass(frozen=True, slots=True)
class Picture:
    """
    A picture as a reply of its own.

    Attributes:
        width: pixels, as is ``height``.
        name: file name, such as "history.png".
        alt: what it shows, as marked text, for those who cannot see it; also said when it cannot be uploaded.
    """

    png: bytes = field(repr=False)
    width: int
    height: int
    name: str
    alt: str


Reply = Document | Picture
"""What answers a command."""
